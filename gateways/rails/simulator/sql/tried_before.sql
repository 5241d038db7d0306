-- Whether an order was ever tried to be charged.
-- :order_key text
SELECT EXISTS (SELECT 1 FROM attempts WHERE order_key = :order_key AND kind = 'charge')
