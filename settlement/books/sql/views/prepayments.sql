-- What was paid inside for a session, oldest first.
-- $1 session_id uuid
SELECT prepayment_id, amount_fen, method, taken_by, received_at
FROM prepayment
WHERE session_id = $1
ORDER BY received_at, prepayment_id
