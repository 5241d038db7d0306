-- The attempt of one key, if the rail has ever seen it.
-- :kind text
-- :attempt_key text
SELECT kind, attempt_key, order_key, agreement, amount_fen, subject, state, code, hard, rail_reference, paid_at_ms
FROM attempts
WHERE kind = :kind AND attempt_key = :attempt_key
