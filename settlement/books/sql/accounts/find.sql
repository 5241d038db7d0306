-- One account.
-- $1 account_id uuid
SELECT account_id, holder, state, limit_fen, exposure_limit_fen, leave_first, language, opened_at
FROM account
WHERE account_id = $1
