-- What was paid inside for a session in all and not given back, and when something was last paid that was due.
-- $1 session_id uuid
SELECT
    (
        coalesce(sum(amount_fen), 0)
        - (SELECT coalesce(sum(amount_fen), 0) FROM prepayment_refund WHERE prepayment_refund.session_id = $1)
    )::bigint AS total_fen,
    max(received_at) FILTER (WHERE NOT needless) AS last_at
FROM prepayment
WHERE session_id = $1
