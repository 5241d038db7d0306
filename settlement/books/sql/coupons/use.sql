-- Notes that a bill has used coupons, outside of the posting of a segment.
-- $1 uses coupon_use_row[]
-- $2 now timestamptz
WITH used AS (
    INSERT INTO coupon_use (partition, bill_id, garage_id, merchant_id, coupon_id, worth_fen, owed_fen, used_at)
    SELECT partition, bill_id, garage_id, merchant_id, coupon_id, worth_fen, owed_fen, $2::timestamptz
    FROM unnest($1::coupon_use_row[])
)
UPDATE coupon SET
    state = 'used', previous_state = coupon.state, last_step = 'used', counted_fen = used.owed_fen,
    session_id = used.session_id, moved_at = $2::timestamptz
FROM unnest($1::coupon_use_row[]) AS used
WHERE coupon.partition = used.partition AND coupon.garage_id = used.garage_id
    AND coupon.merchant_id = used.merchant_id AND coupon.coupon_id = used.coupon_id
