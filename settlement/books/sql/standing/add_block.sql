-- Puts an account or a plate on a block list; answers what is on record under this id.
-- $1 block_id text
-- $2 account_id uuid
-- $3 number text
-- $4 colour text
-- $5 scope text
-- $6 garage_id text
-- $7 cause text
-- $8 added_by text
-- $9 now timestamptz
-- $10 valid_until timestamptz
WITH added AS (
    INSERT INTO block (
        block_id, account_id, number, colour, scope, garage_id, cause, added_by, added_at, valid_until
    )
    VALUES (
        $1::text, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::timestamptz,
        $10::timestamptz
    )
    ON CONFLICT (block_id) DO NOTHING
    RETURNING account_id, number, colour, scope, garage_id, cause, valid_until
)
SELECT account_id, number, colour, scope, garage_id, cause, valid_until FROM added
UNION ALL
SELECT account_id, number, colour, scope, garage_id, cause, valid_until FROM block WHERE block_id = $1::text
