-- I5: a bill is of the garage, the tariff, and the driver of its session, and of its plate, exit and entry, or of
-- those that the correction says by which it was raised.
SELECT
    bill.bill_id::text AS item_id,
    'of another garage, plate, stay, tariff or driver than its session or correction' AS explanation
FROM bill
JOIN session USING (partition, entered_at, session_id)
LEFT JOIN correction ON correction.partition = bill.partition AND correction.session_id = bill.session_id
    AND correction.version = bill.version AND correction.correction = bill.correction
WHERE (bill.garage_id, bill.tariff_version_id) IS DISTINCT FROM (session.garage_id, session.tariff_version_id)
    OR CASE bill.correction
        WHEN 0 THEN
            (bill.number, bill.colour, bill.stay_from, bill.vehicle_class)
                IS DISTINCT FROM (session.number, session.colour, NULL, NULL)
            OR (
                -- A session remembers a driver whose permission has ended since; the bill then names nobody.
                bill.kind = 'bill' AND bill.version = session.version
                AND bill.account_id IS NOT NULL AND bill.account_id IS DISTINCT FROM session.account_id
            )
        ELSE
            (bill.number, bill.colour, bill.stay_from, bill.left_at, bill.vehicle_class) IS DISTINCT FROM (
                correction.number, correction.colour, correction.stay_from, correction.left_at,
                correction.vehicle_class
            )
    END
LIMIT 100
