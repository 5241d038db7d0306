-- Begins to revoke a coupon: no stay takes it any more, and one that no stay has is revoked with that. No row: it
-- cannot be revoked.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 coupon_id text
-- $5 now timestamptz
WITH held AS (
    SELECT
        partition, garage_id, merchant_id, coupon_id,
        session_id IS NULL OR EXISTS (
            SELECT
            FROM session
            WHERE session.session_id = coupon.session_id AND session.state IN ('closed', 'voided')
        ) AS by_nobody
    FROM coupon
    WHERE partition = $1::smallint AND garage_id = $2::text AND merchant_id = $3::text AND coupon_id = $4::text
        AND state = 'given'
    FOR UPDATE
)
UPDATE coupon SET
    revoked_at = coalesce(coupon.revoked_at, $5::timestamptz),
    state = CASE WHEN by_nobody THEN 'revoked' ELSE coupon.state END,
    previous_state = CASE WHEN by_nobody THEN coupon.state ELSE coupon.previous_state END,
    last_step = CASE WHEN by_nobody THEN 'revoked' ELSE coupon.last_step END,
    counted_fen = CASE WHEN by_nobody THEN 0 ELSE coupon.counted_fen END,
    moved_at = CASE WHEN by_nobody THEN $5::timestamptz ELSE coupon.moved_at END
FROM held
WHERE coupon.partition = held.partition AND coupon.garage_id = held.garage_id
    AND coupon.merchant_id = held.merchant_id AND coupon.coupon_id = held.coupon_id
RETURNING coupon.number, coupon.session_id, by_nobody AS revoked
