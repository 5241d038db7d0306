-- Finds the other attempts of an order: what may still be refunded, whether it was tried before.
CREATE INDEX IF NOT EXISTS attempts_by_order ON attempts (order_key)
