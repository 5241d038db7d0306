-- I3: a charge is paid by exactly one attempt, and one that an attempt has paid is paid.
SELECT
    charge.charge_id::text AS item_id,
    format('%s, with %s paid attempts', charge.state, count(attempt.charge_id)) AS explanation
FROM charge
LEFT JOIN charge_attempt AS attempt
    ON attempt.partition = charge.partition AND attempt.charge_id = charge.charge_id AND attempt.outcome = 'paid'
GROUP BY charge.partition, charge.charge_id
HAVING count(attempt.charge_id) <> CASE WHEN charge.state = 'paid' THEN 1 ELSE 0 END
LIMIT 100
