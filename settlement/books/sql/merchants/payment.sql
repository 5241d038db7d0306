-- What is on record under the id of a merchant's payment.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 payment_id text
SELECT amount_fen, method
FROM merchant_payment
WHERE partition = $1 AND garage_id = $2 AND merchant_id = $3 AND payment_id = $4
