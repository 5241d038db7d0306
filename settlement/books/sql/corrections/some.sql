-- Corrections, latest first, with what the bill before and the bill after ask for.
-- $1 garage_id text
-- $2 corrected_from timestamptz
-- $3 before_at timestamptz
-- $4 before_bill_id uuid
-- $5 limit bigint
SELECT correction.session_id, correction.garage_id, correction.correction_id, correction.version,
       correction.correction, correction.number, correction.colour, correction.stay_from AS entered_at,
       correction.left_at, correction.vehicle_class, correction.reason, corrected_by, corrected_at,
       correction.credits_bill_id, correction.bill_id, was.amount_fen AS was_fen, bill.amount_fen
FROM correction
JOIN bill USING (partition, entered_at, bill_id)
JOIN bill AS was ON was.partition = correction.partition AND was.entered_at = correction.entered_at
    AND was.bill_id = correction.credits_bill_id
WHERE ($1::text IS NULL OR correction.garage_id = $1) AND corrected_at >= $2
    AND (corrected_at, correction.bill_id) < ($3, $4)
ORDER BY corrected_at DESC, correction.bill_id DESC
LIMIT $5
