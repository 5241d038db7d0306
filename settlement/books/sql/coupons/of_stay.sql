-- Which of some coupons a stay has, or has used; locked until the end of the transaction.
-- $1 partition smallint
-- $2 garage_id text
-- $3 session_id uuid
-- $4 merchant_id text[]
-- $5 coupon_id text[]
SELECT merchant_id, coupon_id
FROM coupon
WHERE partition = $1 AND garage_id = $2 AND session_id = $3 AND state <> 'revoked'
    AND (merchant_id, coupon_id) IN (SELECT * FROM unnest($4::text[], $5::text[]) AS c (merchant_id, coupon_id))
ORDER BY merchant_id, coupon_id
FOR UPDATE
