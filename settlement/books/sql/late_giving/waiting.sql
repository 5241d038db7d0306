-- Closings that were billed before it was known what their stays are given, earliest entry first, with
-- the facts of the bill in force; what failed before comes last. Of one that does not stand any more, because the car
-- turned back or the bill is credited, there is nothing to find out.
-- $1 closings_max integer
SELECT
    noted.partition, noted.entered_at AS session_entered_at, session.session_id, session.garage_id, bill.number, bill.colour,
    coalesce(bill.stay_from, bill.entered_at) AS entered_at, bill.left_at, session.entry_lane_id, session.entry_event_id,
    session.tariff_version_id, noted.version,
    session.state = 'closed' AND session.version = noted.version AND NOT EXISTS (
        SELECT FROM bill AS note
        WHERE note.partition = bill.partition AND note.entered_at = bill.entered_at
            AND note.credits_bill_id = bill.bill_id
    ) AS stands
FROM (
    SELECT * FROM unknown_benefits
    ORDER BY failed_at NULLS FIRST, entered_at
    LIMIT $1::integer
) AS noted
JOIN session ON session.partition = noted.partition AND session.entered_at = noted.entered_at
    AND session.session_id = noted.session_id
CROSS JOIN LATERAL (
    SELECT *
    FROM bill
    WHERE bill.partition = noted.partition AND bill.entered_at = noted.entered_at
        AND bill.session_id = noted.session_id AND bill.version = noted.version AND bill.kind = 'bill'
    ORDER BY bill.correction DESC
    LIMIT 1
) AS bill
ORDER BY noted.failed_at NULLS FIRST, noted.entered_at
