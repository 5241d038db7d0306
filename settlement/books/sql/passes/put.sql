-- Has a pass be so; its garage and its beginning stay as they were. No row: it begins at another moment.
-- $1 partition smallint
-- $2 garage_id text
-- $3 pass_id text
-- $4 name text
-- $5 account_id uuid
-- $6 places integer
-- $7 when_place_frees text
-- $8 valid_from timestamptz
-- $9 valid_until timestamptz
-- $10 put_by text
-- $11 now timestamptz
INSERT INTO pass (
    partition, garage_id, pass_id, name, account_id, places, when_place_frees, valid_from, valid_until, put_by, put_at
)
VALUES (
    $1::smallint, $2::text, $3::text, $4::text, $5::uuid, $6::integer, $7::text, $8::timestamptz, $9::timestamptz,
    $10::text, $11::timestamptz
)
ON CONFLICT (partition, garage_id, pass_id) DO UPDATE SET
    name = excluded.name,
    account_id = excluded.account_id,
    places = excluded.places,
    when_place_frees = excluded.when_place_frees,
    valid_until = excluded.valid_until,
    put_by = excluded.put_by,
    put_at = excluded.put_at
WHERE pass.valid_from = excluded.valid_from
RETURNING pass_id
