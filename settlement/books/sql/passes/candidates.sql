-- The passes that some stays may park on, and whether each has a place of it, had one, or found none; a row for each
-- stay and pass. A plate whose colour was not seen is any of its number.
-- $1 garage_id text[]
-- $2 number text[]
-- $3 colour text[]
-- $4 entered_at timestamptz[]
-- $5 session_id uuid[]
-- $6 left_at timestamptz[]
WITH stay AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::uuid[], $6::timestamptz[])
        WITH ORDINALITY AS s (garage_id, number, colour, entered_at, session_id, left_at, stay_no)
),
entitled AS (
    SELECT stay_no, partition, garage_id, pass_id
    FROM stay
    JOIN pass_plate USING (garage_id, number)
    WHERE pass_plate.colour = stay.colour OR 'unknown' IN (pass_plate.colour, stay.colour)
    UNION
    SELECT stay_no, partition, pass.garage_id, pass_id
    FROM stay
    JOIN account_plate USING (number)
    JOIN pass ON pass.account_id = account_plate.account_id AND pass.garage_id = stay.garage_id
    WHERE (account_plate.colour = stay.colour OR 'unknown' = stay.colour) AND account_plate.disputed_at IS NULL
)
SELECT
    stay_no, partition, garage_id, pass_id, places, when_place_frees, valid_from, valid_until, stay.session_id,
    stay.entered_at, stay.left_at,
    EXISTS (
        SELECT FROM pass_place AS own
        WHERE own.session_id = stay.session_id AND own.pass_id = pass.pass_id AND own.place IS NOT NULL
            AND (own.freed_at IS NULL OR own.freed_at >= stay.left_at)
    ) AS has_place,
    EXISTS (
        SELECT FROM pass_place AS own
        WHERE own.session_id = stay.session_id AND own.pass_id = pass.pass_id AND own.place IS NULL
    ) AS found_none
FROM entitled
JOIN stay USING (stay_no, garage_id)
JOIN pass USING (partition, garage_id, pass_id)
WHERE valid_until > stay.entered_at
ORDER BY stay.entered_at, stay_no, valid_from, pass_id
