-- Attempts, with their charges as they are now, by attempt key.
-- $1 attempt_keys text[]
SELECT partition, charge_id, direction, garage_id, bill_id, session_id, account_id, rail, agreement,
       amount_fen, state, attempts, asked, void_requested, last_code, raised_at, next_at,
       attempt_no, attempt_key, outcome
FROM charge_attempt
JOIN charge USING (partition, charge_id)
WHERE attempt_key = ANY ($1::text[])
