-- The bills and credit notes of a session, in the order of its closings and their corrections.
-- $1 partition smallint
-- $2 entered_at timestamptz
-- $3 session_id uuid
SELECT
    bill_id, kind, credits_bill_id, version, correction, account_id, number, colour,
    coalesce(stay_from, entered_at) AS entered_at, left_at, tariff_version_id, vehicle_class, amount_fen, prepaid_fen,
    reason, proof,
    raised_at,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'merchant_id', merchant_id, 'coupon_id', coupon_id, 'worth_fen', worth_fen, 'owed_fen', owed_fen
        ) ORDER BY merchant_id, coupon_id), '[]')::text
        FROM coupon_use
        WHERE coupon_use.partition = bill.partition
            AND coupon_use.bill_id = coalesce(bill.credits_bill_id, bill.bill_id)
    ) AS funded
FROM bill
WHERE partition = $1 AND bill.entered_at = $2 AND session_id = $3
ORDER BY version, correction, kind
