-- Books a new attempt with its outcome, or with when its outcome is to come.
-- :kind text
-- :attempt_key text
-- :order_key text
-- :agreement text
-- :amount_fen integer
-- :subject text
-- :state text
-- :code text
-- :hard integer
-- :rail_reference text
-- :paid_at_ms integer
-- :later_state text
-- :settled_after_ms integer
INSERT INTO attempts (
    kind, attempt_key, order_key, agreement, amount_fen, subject, state, code, hard, rail_reference,
    paid_at_ms, later_state, settled_after_ms
)
VALUES (
    :kind, :attempt_key, :order_key, :agreement, :amount_fen, :subject, :state, :code, :hard, :rail_reference,
    :paid_at_ms, :later_state, :settled_after_ms
)
