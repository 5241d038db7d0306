-- I5: a charge is of the driver, stay and garage of its bill, by an agreement that this driver has made.
SELECT
    charge.charge_id::text AS item_id,
    'of another garage, stay or driver than its bill, or by nobody''s agreement' AS explanation
FROM charge
JOIN bill USING (bill_id)
LEFT JOIN agreement
    ON agreement.account_id = charge.account_id AND agreement.rail = charge.rail
    AND agreement.reference = charge.agreement
WHERE (charge.partition, charge.garage_id, charge.session_id, charge.account_id)
        IS DISTINCT FROM (bill.partition, bill.garage_id, bill.session_id, bill.account_id)
    OR (charge.rail IS NOT NULL AND agreement.account_id IS NULL)
LIMIT 100
