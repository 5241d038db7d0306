-- Adds a coupon template of a merchant, or replaces its terms for coupons given from now on.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 template_id text
-- $5 terms text
-- $6 now timestamptz
INSERT INTO coupon_template (partition, garage_id, merchant_id, template_id, terms, put_at)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6)
ON CONFLICT (partition, garage_id, merchant_id, template_id) DO UPDATE SET
    terms = excluded.terms, put_at = excluded.put_at
