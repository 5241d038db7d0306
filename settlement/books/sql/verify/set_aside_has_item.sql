-- I5: a charge of a car that cannot have been there is on the list of a person, open or resolved.
SELECT
    charge_id::text AS item_id,
    'set aside, and on nobody''s list' AS explanation
FROM charge
WHERE last_step = 'set_aside'
    AND NOT EXISTS (
        SELECT FROM quarantine
        WHERE quarantine.partition = charge.partition AND quarantine.item_id = 'impossible:' || charge.charge_id
    )
LIMIT 100
