-- Ends the coupons of a merchant that can be used no more. One that a stay has, which has not ended, is kept for
-- as long as the exit may still be on its way.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 now timestamptz
-- $5 late_since timestamptz
WITH over AS (
    SELECT coupon_id
    FROM coupon
    WHERE partition = $1::smallint AND garage_id = $2::text AND merchant_id = $3::text AND state = 'given'
        AND valid_until <= $4::timestamptz
        AND (
            valid_until <= $5::timestamptz OR session_id IS NULL
            OR EXISTS (
                SELECT
                FROM session
                WHERE session.session_id = coupon.session_id AND session.state IN ('closed', 'voided')
            )
        )
    FOR UPDATE SKIP LOCKED
)
UPDATE coupon SET
    state = 'expired', previous_state = state, last_step = 'expired', counted_fen = 0, moved_at = $4::timestamptz
FROM over
WHERE coupon.partition = $1::smallint AND coupon.garage_id = $2::text AND coupon.merchant_id = $3::text
    AND coupon.coupon_id = over.coupon_id
