-- What was taken for an order and is neither given back nor on its way back.
-- :order_key text
SELECT coalesce(sum(CASE kind WHEN 'charge' THEN amount_fen ELSE -amount_fen END), 0)
FROM attempts
WHERE order_key = :order_key AND (state = 'paid' OR (state = 'accepted' AND kind = 'refund'))
