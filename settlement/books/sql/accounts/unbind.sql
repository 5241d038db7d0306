-- Takes a plate from an account; no row when it is not bound to it.
-- $1 account_id uuid
-- $2 number text
-- $3 colour text
DELETE FROM account_plate
WHERE account_id = $1 AND number = $2 AND colour = $3
RETURNING account_id
