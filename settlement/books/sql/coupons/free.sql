-- Frees the coupons of bills that are credited: each can be used again, or is revoked where that was asked for.
-- $1 partition smallint[]
-- $2 bill_id uuid[]
-- $3 now timestamptz
WITH released AS (
    UPDATE coupon_use SET released_at = $3::timestamptz
    FROM unnest($1::smallint[], $2::uuid[]) AS credited (partition, bill_id)
    WHERE coupon_use.partition = credited.partition AND coupon_use.bill_id = credited.bill_id
        AND coupon_use.released_at IS NULL
    RETURNING coupon_use.partition, coupon_use.garage_id, coupon_use.merchant_id, coupon_use.coupon_id
)
UPDATE coupon SET
    state = CASE WHEN coupon.revoked_at IS NULL THEN 'given' ELSE 'revoked' END,
    previous_state = coupon.state, last_step = 'freed',
    counted_fen = CASE WHEN coupon.revoked_at IS NULL THEN coupon.reserved_fen ELSE 0 END,
    moved_at = $3::timestamptz
FROM released
WHERE coupon.partition = released.partition AND coupon.garage_id = released.garage_id
    AND coupon.merchant_id = released.merchant_id AND coupon.coupon_id = released.coupon_id
RETURNING coupon.coupon_id
