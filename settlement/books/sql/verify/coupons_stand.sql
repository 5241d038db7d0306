-- I3: a coupon is used when one bill that stands has used it, which is of the stay that has the coupon, and only
-- then; what counts against the budget is what that has cost.
WITH used AS (
    SELECT partition, garage_id, merchant_id, coupon_id, count(*) AS uses, min(owed_fen) AS owed_fen,
        min(bill_id::text)::uuid AS bill_id
    FROM coupon_use
    WHERE released_at IS NULL
    GROUP BY partition, garage_id, merchant_id, coupon_id
)
SELECT
    format('%s/%s/%s', coalesce(coupon.garage_id, used.garage_id), coalesce(coupon.merchant_id, used.merchant_id),
        coalesce(coupon.coupon_id, used.coupon_id)) AS item_id,
    format('%s, counted %s fen; used by %s bills, costs %s fen', coupon.state, coupon.counted_fen,
        coalesce(used.uses, 0), used.owed_fen) AS explanation
FROM coupon
FULL JOIN used USING (partition, garage_id, merchant_id, coupon_id)
LEFT JOIN bill ON bill.partition = used.partition AND bill.bill_id = used.bill_id AND bill.kind = 'bill'
WHERE (coupon.state = 'used') IS DISTINCT FROM (used.uses IS NOT NULL)
    OR (used.uses IS NOT NULL AND (
        used.uses <> 1 OR coupon.counted_fen <> used.owed_fen OR coupon.session_id IS DISTINCT FROM bill.session_id
    ))
LIMIT 100
