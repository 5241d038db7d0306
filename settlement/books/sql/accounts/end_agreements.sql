-- Ends all agreements of an account, as the first half of replacing them.
-- $1 account_id uuid
-- $2 now timestamptz
UPDATE agreement SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL
