-- Everything that bills and credit notes were priced by: the stay, and when its driver paid inside; and the coupons
-- that they used.
SELECT
    bill.bill_id, bill.tariff_version_id, coalesce(bill.stay_from, bill.entered_at) AS entered_at, bill.left_at,
    bill.amount_fen, bill.proof, bill.benefits, bill.earlier, bill.changes,
    bill.number, bill.colour, bill.vehicle_class, coalesce(paid.moments, '{}') AS paid_at, coalesce(used.coupons, '[]') AS coupons
FROM bill
LEFT JOIN (
    SELECT session_id, array_agg(received_at) AS moments FROM prepayment GROUP BY session_id
) AS paid USING (session_id)
LEFT JOIN (
    SELECT
        partition, bill_id,
        jsonb_agg(jsonb_build_array(merchant_id, coupon_id, worth_fen, owed_fen))::text AS coupons
    FROM coupon_use
    GROUP BY partition, bill_id
) AS used ON used.partition = bill.partition AND used.bill_id = coalesce(bill.credits_bill_id, bill.bill_id)
