-- Who could have paid bills that were raised in a span: accounts, and the plate numbers of nobody's bills.
-- $1 raised_after timestamptz
-- $2 raised_until timestamptz
SELECT DISTINCT charge.account_id, CASE WHEN charge.account_id IS NULL THEN bill.number END AS number
FROM charge
JOIN session ON session.session_id = charge.session_id
JOIN bill ON bill.partition = charge.partition AND bill.entered_at = session.entered_at
    AND bill.bill_id = charge.bill_id
WHERE charge.state IN ('unassigned', 'due', 'unpaid') AND charge.direction = 'collect'
    AND charge.raised_at > $1 AND charge.raised_at <= $2
