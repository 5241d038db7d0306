-- Holds an account until the end of the transaction; its state.
-- $1 account_id uuid
SELECT state FROM account WHERE account_id = $1 FOR NO KEY UPDATE
