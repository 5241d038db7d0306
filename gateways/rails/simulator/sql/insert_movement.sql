-- Enters into the books that money moved.
-- :kind text
-- :order_key text
-- :attempt_key text
-- :amount_fen integer
-- :paid_at_ms integer
-- :rail_reference text
INSERT INTO movements (kind, order_key, attempt_key, amount_fen, paid_at_ms, rail_reference)
VALUES (:kind, :order_key, :attempt_key, :amount_fen, :paid_at_ms, :rail_reference)
