-- I5: a charge is of the driver, stay and garage of its bill, by an agreement that this driver has made, or by the
-- word of somebody outside who vouched for the stay up to at least its amount. A voucher is dated by our clock and
-- the stay by the gates', which may be two minutes apart.
WITH vouched AS (
    SELECT DISTINCT charge.charge_id
    FROM voucher
    JOIN bill ON bill.number = voucher.number AND bill.garage_id = voucher.garage_id
        AND voucher.given_at >= bill.entered_at - interval '2 minutes'
        AND voucher.given_at <= bill.left_at + interval '2 minutes'
    JOIN charge ON charge.bill_id = bill.bill_id AND charge.rail = voucher.rail AND charge.account_id IS NULL
        AND charge.amount_fen <= voucher.limit_fen
)
SELECT
    charge.charge_id::text AS item_id,
    'of another garage, stay or driver than its bill, or by nobody''s agreement' AS explanation
FROM charge
JOIN bill USING (bill_id)
LEFT JOIN agreement
    ON agreement.account_id = charge.account_id AND agreement.rail = charge.rail
    AND agreement.reference = charge.agreement
LEFT JOIN vouched ON vouched.charge_id = charge.charge_id
WHERE (charge.partition, charge.garage_id, charge.session_id, charge.account_id)
        IS DISTINCT FROM (bill.partition, bill.garage_id, bill.session_id, bill.account_id)
    OR (charge.rail IS NOT NULL AND agreement.account_id IS NULL AND vouched.charge_id IS NULL)
LIMIT 100
