-- I5: a bill is of the garage, the plate, the tariff and the driver of its session.
SELECT
    bill.bill_id::text AS item_id,
    'of another garage, plate, tariff or driver than its session' AS explanation
FROM bill
JOIN session USING (partition, entered_at, session_id)
WHERE (bill.garage_id, bill.number, bill.colour, bill.tariff_version_id)
        IS DISTINCT FROM (session.garage_id, session.number, session.colour, session.tariff_version_id)
    OR (
        -- A session remembers a driver whose permission has ended since; the bill then names nobody.
        bill.kind = 'bill' AND bill.version = session.version
        AND bill.account_id IS NOT NULL AND bill.account_id IS DISTINCT FROM session.account_id
    )
LIMIT 100
