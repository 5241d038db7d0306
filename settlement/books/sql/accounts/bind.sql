-- Binds a plate to an account that is not closed; answers whose it is and in what state that account is.
-- $1 account_id uuid
-- $2 number text
-- $3 colour text
-- $4 now timestamptz
-- $5 bound_by text
WITH found AS (
    SELECT account_id, state FROM account WHERE account_id = $1::uuid
),
bound AS (
    INSERT INTO account_plate (number, colour, account_id, bound_at, bound_by)
    SELECT $2::text, $3::text, account_id, $4::timestamptz, $5::text
    FROM found
    WHERE state <> 'closed'
    ON CONFLICT (number, colour) DO NOTHING
    RETURNING account_id
)
SELECT
    (SELECT state FROM found) AS state,
    coalesce(
        (SELECT account_id FROM bound),
        (SELECT account_id FROM account_plate WHERE number = $2::text AND colour = $3::text)
    ) AS owner
