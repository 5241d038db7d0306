-- Whose bill it is and how far its charge has come, by the bill's id alone.
-- $1 bill_id uuid
SELECT
    charge.partition, charge.bill_id, charge.garage_id, charge.session_id, charge.account_id, charge.state,
    charge.amount_fen, session.entered_at, bill.number, bill.colour
FROM charge
JOIN session ON session.session_id = charge.session_id
JOIN bill ON bill.partition = charge.partition AND bill.entered_at = session.entered_at
    AND bill.bill_id = charge.bill_id
WHERE charge.bill_id = $1 AND charge.direction = 'collect'
    AND charge.partition = ANY (ARRAY(
        SELECT number::smallint FROM installation, generate_series(0, partition_count - 1) AS number
    ))
