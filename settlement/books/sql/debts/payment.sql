-- What was booked under a payment_id.
-- $1 payment_id text
SELECT reference, collected_at, method, sum(amount_fen)::bigint AS amount_fen
FROM debt_payment
WHERE payment_id = $1
GROUP BY reference, collected_at, method
