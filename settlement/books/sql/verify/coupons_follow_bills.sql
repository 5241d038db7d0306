-- I3: what a bill has used is released when the bill is credited, and not before.
SELECT
    coupon_use.bill_id::text AS item_id,
    format('coupon %s of %s, released: %s, the bill is credited: %s', coupon_use.coupon_id, coupon_use.merchant_id,
        coalesce(coupon_use.released_at::text, 'no'), coalesce(note.raised_at::text, 'no')) AS explanation
FROM coupon_use
LEFT JOIN bill AS note ON note.partition = coupon_use.partition AND note.credits_bill_id = coupon_use.bill_id
WHERE coupon_use.released_at IS DISTINCT FROM note.raised_at
LIMIT 100
