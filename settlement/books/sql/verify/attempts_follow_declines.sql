-- I7: a charge is tried again, as another attempt, only after the rail has declined the one before.
SELECT
    charge.charge_id::text AS item_id,
    format('attempt %s is %s, and attempt %s follows', attempt_no, coalesce(outcome, 'open'), attempt_no + 1)
        AS explanation
FROM charge_attempt
JOIN charge USING (partition, charge_id)
WHERE attempt_no < attempts AND outcome IS DISTINCT FROM 'declined'
LIMIT 100
