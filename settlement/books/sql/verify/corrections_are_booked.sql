-- I3: a correction has credited the bill before it and raised the one after it; no bill is corrected otherwise.
SELECT
    coalesce(bill.bill_id, correction.bill_id)::text AS item_id,
    format('correction %s of version %s', coalesce(bill.correction, correction.correction),
        coalesce(bill.version, correction.version)) AS explanation
FROM correction
FULL JOIN (SELECT * FROM bill WHERE kind = 'bill' AND correction > 0) AS bill
    USING (partition, session_id, version, correction)
LEFT JOIN bill AS was ON was.bill_id = correction.credits_bill_id AND was.kind = 'bill'
LEFT JOIN bill AS note ON note.credits_bill_id = correction.credits_bill_id AND note.kind = 'credit_note'
WHERE (correction.bill_id IS DISTINCT FROM bill.bill_id)
    OR (was.session_id, was.version, was.correction)
        IS DISTINCT FROM (correction.session_id, correction.version, correction.correction - 1)
    OR note.reason IS DISTINCT FROM 'corrected'
LIMIT 100
