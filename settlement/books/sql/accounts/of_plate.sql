-- The accounts that a plate number is bound to; the same number exists in several colours.
-- $1 number text
SELECT account_id, colour
FROM account_plate
WHERE number = $1
ORDER BY colour
