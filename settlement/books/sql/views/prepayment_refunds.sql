-- What was given back of what was paid inside for a session, oldest first.
-- $1 session_id uuid
SELECT refund_id, amount_fen, method, given_by, given_at
FROM prepayment_refund
WHERE session_id = $1
ORDER BY given_at, refund_id
