-- Gives accepted attempts, oldest first, the outcome that was decided for them.
-- :now_ms integer, on the machine's own clock
-- :paid_at_ms integer, on the clock that the rail shows
-- :limit integer
UPDATE attempts
SET
    state = later_state,
    code = CASE later_state WHEN 'declined' THEN 'insufficient_funds' END,
    paid_at_ms = CASE later_state WHEN 'paid' THEN :paid_at_ms END,
    later_state = NULL,
    settled_after_ms = NULL
WHERE (kind, attempt_key) IN (
    SELECT kind, attempt_key
    FROM attempts
    WHERE state = 'accepted' AND settled_after_ms <= :now_ms
    ORDER BY settled_after_ms
    LIMIT :limit
)
RETURNING kind, attempt_key, order_key, agreement, amount_fen, subject, state, code, hard, rail_reference, paid_at_ms
