-- I3: a session has at most one bill that is not credited, and each credit note takes back one whole bill.
SELECT
    bill.session_id::text AS item_id,
    format('%s bills that are not credited', count(*)) AS explanation
FROM bill
WHERE bill.kind = 'bill'
    AND NOT EXISTS (SELECT FROM bill AS note WHERE note.kind = 'credit_note' AND note.credits_bill_id = bill.bill_id)
GROUP BY bill.session_id
HAVING count(*) > 1
UNION ALL
SELECT
    note.bill_id::text,
    'a credit note without its bill, or of another amount, or one of several'
FROM bill AS note
LEFT JOIN bill ON bill.bill_id = note.credits_bill_id AND bill.kind = 'bill'
WHERE note.kind = 'credit_note'
    AND (
        bill.bill_id IS NULL
        OR (bill.amount_fen, bill.prepaid_fen) <> (note.amount_fen, note.prepaid_fen)
        OR EXISTS (
            SELECT FROM bill AS other
            WHERE other.credits_bill_id = note.credits_bill_id AND other.bill_id <> note.bill_id
        )
    )
LIMIT 100
