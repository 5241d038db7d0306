-- Takes a plate from an account, and keeps whose it was; no row when it is not bound to it.
-- $1 account_id uuid
-- $2 number text
-- $3 colour text
-- $4 now timestamptz
WITH taken AS (
    DELETE FROM account_plate
    WHERE account_id = $1 AND number = $2 AND colour = $3
    RETURNING number, colour, account_id, bound_at
)
INSERT INTO account_plate_ended (number, colour, account_id, bound_at, ended_at)
SELECT number, colour, account_id, bound_at, greatest($4::timestamptz, bound_at) FROM taken
RETURNING account_id
