-- The visit that an attempt of a charge is about, as a recipient knows it.
-- $1 recipient text
-- $2 attempt_key text
SELECT
    visit.uid, visit.garage_id, bill.number, bill.colour, coalesce(bill.stay_from, bill.entered_at) AS stayed_from,
    bill.left_at, bill.raised_at
FROM charge_attempt AS attempt
JOIN charge USING (partition, charge_id)
JOIN reported_visit AS visit ON visit.partition = charge.partition AND visit.recipient = $1::text
    AND visit.session_id = charge.session_id
JOIN bill ON bill.partition = visit.partition AND bill.entered_at = visit.entered_at AND bill.bill_id = charge.bill_id
WHERE attempt.attempt_key = $2::text
