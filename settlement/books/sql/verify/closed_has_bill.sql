-- I5: every closed session has the bill of its last closing, not credited, of the same exit unless corrected.
SELECT
    session.session_id::text AS item_id,
    format('closed as version %s without a bill of it that stands', session.version) AS explanation
FROM session
LEFT JOIN LATERAL (
    SELECT bill_id, correction, left_at
    FROM bill
    WHERE bill.partition = session.partition AND bill.entered_at = session.entered_at
        AND bill.session_id = session.session_id AND bill.version = session.version AND bill.kind = 'bill'
    ORDER BY correction DESC
    LIMIT 1
) AS last ON true
LEFT JOIN bill AS note ON note.credits_bill_id = last.bill_id AND note.kind = 'credit_note'
WHERE session.state = 'closed'
    AND (
        last.bill_id IS NULL
        OR (last.correction = 0 AND last.left_at <> session.left_at)
        OR note.reason NOT IN ('dismissed', 'dispute_upheld')
    )
LIMIT 100
