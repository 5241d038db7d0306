-- I2: no rail is asked for a fee before it is known what the stay is given.
SELECT
    charge.bill_id::text AS item_id,
    format('charge is %s, and what its stay is given is not known since %s', charge.state, noted.noted_at) AS explanation
FROM unknown_benefits AS noted
JOIN charge USING (partition, session_id)
WHERE charge.direction = 'collect' AND charge.state IN ('sent', 'accepted', 'in_doubt', 'review', 'paid')
    AND charge.raised_at >= noted.noted_at
LIMIT 100
