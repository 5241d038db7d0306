-- The plates behind bills that could be paid and were raised before a moment, those that owe most first. The token of a
-- car without a plate is left out: it comes once.
-- $1 raised_until timestamptz
-- $2 plates_max bigint
WITH owing AS (
    SELECT charge.partition, charge.bill_id, charge.session_id, charge.account_id, charge.amount_fen
    FROM charge
    LEFT JOIN bill_dispute ON bill_dispute.partition = charge.partition AND bill_dispute.bill_id = charge.bill_id
        AND bill_dispute.state = 'open'
    WHERE charge.state IN ('unassigned', 'due', 'unpaid') AND charge.raised_at <= $1::timestamptz
        AND charge.direction = 'collect' AND bill_dispute.bill_id IS NULL
),
of_plate AS (
    SELECT account_plate.number, account_plate.colour, owing.amount_fen
    FROM owing
    JOIN account_plate USING (account_id)
    UNION ALL
    SELECT bill.number, bill.colour, owing.amount_fen
    FROM owing
    JOIN session ON session.session_id = owing.session_id
    JOIN bill ON bill.partition = owing.partition AND bill.entered_at = session.entered_at
        AND bill.bill_id = owing.bill_id
    WHERE owing.account_id IS NULL
)
SELECT number, colour
FROM of_plate
WHERE number !~ '^无[A-Z0-9]{15}$'
GROUP BY number, colour
ORDER BY sum(amount_fen) DESC, number, colour
LIMIT $2::bigint
