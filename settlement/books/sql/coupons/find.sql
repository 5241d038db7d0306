-- One coupon.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 coupon_id text
SELECT
    coupon_id, template_id, number, only_session_id, session_id, state, given_by, given_at, valid_until, reserved_fen,
    CASE state WHEN 'used' THEN counted_fen ELSE 0 END AS owed_fen
FROM coupon
WHERE partition = $1 AND garage_id = $2 AND merchant_id = $3 AND coupon_id = $4
