-- I5: a bill that stands belongs to a session that is closed.
SELECT
    bill.bill_id::text AS item_id,
    format('it stands, and its session is %s', coalesce(session.state, 'not there')) AS explanation
FROM bill
LEFT JOIN session
    ON session.partition = bill.partition AND session.entered_at = bill.entered_at
    AND session.session_id = bill.session_id
WHERE bill.kind = 'bill'
    AND session.state IS DISTINCT FROM 'closed'
    AND NOT EXISTS (SELECT FROM bill AS note WHERE note.kind = 'credit_note' AND note.credits_bill_id = bill.bill_id)
LIMIT 100
