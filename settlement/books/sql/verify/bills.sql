-- Everything that bills and credit notes were priced by: the stay, and when its driver paid inside.
SELECT
    bill.bill_id, bill.tariff_version_id, coalesce(bill.stay_from, bill.entered_at) AS entered_at, bill.left_at,
    bill.amount_fen, bill.proof, bill.benefits, bill.earlier, bill.changes,
    bill.number, bill.colour, coalesce(paid.moments, '{}') AS paid_at
FROM bill
LEFT JOIN (
    SELECT session_id, array_agg(received_at) AS moments FROM prepayment GROUP BY session_id
) AS paid USING (session_id)
