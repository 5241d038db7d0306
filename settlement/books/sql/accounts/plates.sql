-- The plates bound to an account.
-- $1 account_id uuid
SELECT number, colour, bound_at
FROM account_plate
WHERE account_id = $1
ORDER BY bound_at, number, colour
