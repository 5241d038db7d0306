-- What was paid inside for a session in all, and when last.
-- $1 session_id uuid
SELECT coalesce(sum(amount_fen), 0)::bigint AS total_fen, max(received_at) AS last_at
FROM prepayment
WHERE session_id = $1
