-- I3: a session has at most one bill that is not credited, and each credit note takes back one whole bill.
WITH noted AS (
    SELECT credits_bill_id AS bill_id, count(*) AS notes FROM bill WHERE kind = 'credit_note' GROUP BY credits_bill_id
)
SELECT
    bill.session_id::text AS item_id,
    format('%s bills that are not credited', count(*)) AS explanation
FROM bill
LEFT JOIN noted USING (bill_id)
WHERE bill.kind = 'bill' AND noted.notes IS NULL
GROUP BY bill.session_id
HAVING count(*) > 1
UNION ALL
SELECT
    note.bill_id::text,
    'a credit note without its bill, or of another amount, stay or driver, or one of several'
FROM bill AS note
LEFT JOIN bill ON bill.bill_id = note.credits_bill_id AND bill.kind = 'bill'
LEFT JOIN noted ON noted.bill_id = note.credits_bill_id
WHERE note.kind = 'credit_note'
    AND (
        (
            bill.amount_fen, bill.prepaid_fen, bill.session_id, bill.version, bill.correction, bill.number,
            bill.colour, bill.stay_from, bill.left_at, bill.account_id
        ) IS DISTINCT FROM (
            note.amount_fen, note.prepaid_fen, note.session_id, note.version, note.correction, note.number,
            note.colour, note.stay_from, note.left_at, note.account_id
        )
        OR noted.notes > 1
    )
LIMIT 100
