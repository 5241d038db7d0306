-- Has a pass be of these plates and no others; answers with the numbers that it has lost.
-- $1 partition smallint
-- $2 garage_id text
-- $3 pass_id text
-- $4 number text[]
-- $5 colour text[]
WITH wanted AS (
    SELECT * FROM unnest($4::text[], $5::text[]) AS w (number, colour)
),
added AS (
    INSERT INTO pass_plate (partition, garage_id, pass_id, number, colour)
    SELECT $1::smallint, $2::text, $3::text, number, colour FROM wanted
    ON CONFLICT DO NOTHING
)
DELETE FROM pass_plate
WHERE partition = $1::smallint AND garage_id = $2::text AND pass_id = $3::text
    AND (number, colour) NOT IN (SELECT number, colour FROM wanted)
RETURNING number
