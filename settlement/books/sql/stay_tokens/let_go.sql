-- Lets go of the tokens of an account that are of no use any more: bound long ago, and of no car inside. Whose they were
-- is kept, as for any plate.
-- $1 account_id uuid
-- $2 bound_until timestamptz
-- $3 now timestamptz
WITH taken AS (
    DELETE FROM account_plate
    WHERE account_id = $1 AND bound_at <= $2::timestamptz AND number ~ '^无[A-Z0-9]{15}$'
        AND NOT EXISTS (
            SELECT FROM session WHERE session.number = account_plate.number AND session.state = 'inside'
        )
    RETURNING number, colour, account_id, bound_at
)
INSERT INTO account_plate_ended (number, colour, account_id, bound_at, ended_at)
SELECT number, colour, account_id, bound_at, $3::timestamptz FROM taken
