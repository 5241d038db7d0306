-- Coupons of a merchant, latest giving first, before a place in that order.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 states text[]
-- $5 before_given_at timestamptz
-- $6 before_coupon_id text
-- $7 limit bigint
SELECT
    coupon_id, template_id, number, only_session_id, session_id, state, given_by, given_at, valid_until, reserved_fen,
    CASE state WHEN 'used' THEN counted_fen ELSE 0 END AS owed_fen
FROM coupon
WHERE partition = $1 AND garage_id = $2 AND merchant_id = $3 AND state = ANY ($4)
    AND given_at <= $5 AND (given_at, coupon_id) < ($5, $6)
ORDER BY given_at DESC, coupon_id DESC
LIMIT $7
