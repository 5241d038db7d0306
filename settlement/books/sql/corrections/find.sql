-- A correction that was made before, with the credit note and the bill that it led to.
-- $1 partition smallint
-- $2 session_id uuid
-- $3 correction_id text
SELECT correction.request, correction.correction, note.bill_id AS credit_note_id, note.account_id AS was_account_id,
       note.number AS was_number, bill.bill_id, bill.account_id, bill.number, bill.amount_fen, bill.prepaid_fen
FROM correction
JOIN bill USING (partition, entered_at, bill_id)
JOIN bill AS note ON note.partition = correction.partition AND note.entered_at = correction.entered_at
    AND note.session_id = correction.session_id AND note.version = correction.version
    AND note.correction = correction.correction - 1 AND note.kind = 'credit_note'
WHERE correction.partition = $1 AND correction.session_id = $2 AND correction.correction_id = $3
