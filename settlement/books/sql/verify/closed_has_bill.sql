-- I5: every closed session has the bill of its last closing, not credited, of the same stay.
SELECT
    session.session_id::text AS item_id,
    format('closed as version %s without a bill of it that stands', session.version) AS explanation
FROM session
LEFT JOIN bill
    ON bill.partition = session.partition AND bill.entered_at = session.entered_at
    AND bill.session_id = session.session_id AND bill.version = session.version AND bill.kind = 'bill'
LEFT JOIN bill AS note ON note.credits_bill_id = bill.bill_id AND note.kind = 'credit_note'
WHERE session.state = 'closed'
    AND (bill.bill_id IS NULL OR bill.left_at <> session.left_at OR note.reason NOT IN ('dismissed', 'dispute_upheld'))
LIMIT 100
