-- The coupon templates of a merchant, or one of them.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 template_id text
SELECT template_id, terms::text AS terms
FROM coupon_template
WHERE partition = $1 AND garage_id = $2 AND merchant_id = $3 AND template_id = coalesce($4, template_id)
ORDER BY template_id
