-- Gives a stay the first free place of a pass, from when that became free; without one, writes down that it found
-- none. Answers with the place; with none when that was known,
-- or when somebody else was faster.
-- $1 partition smallint
-- $2 garage_id text
-- $3 pass_id text
-- $4 places integer
-- $5 session_id uuid
-- $6 entered_at timestamptz
WITH free AS (
    SELECT
        place,
        (
            SELECT max(freed_at) FROM pass_place AS was
            WHERE was.partition = $1::smallint AND was.garage_id = $2::text AND was.pass_id = $3::text
                AND was.place = number.place
        ) AS freed_at
    FROM generate_series(1, $4::integer) AS number (place)
    WHERE NOT EXISTS (
        SELECT FROM pass_place AS taken
        WHERE taken.partition = $1::smallint AND taken.garage_id = $2::text AND taken.pass_id = $3::text
            AND taken.place = number.place AND taken.freed_at IS NULL
    )
    ORDER BY freed_at NULLS FIRST, place
    LIMIT 1
)
INSERT INTO pass_place (partition, garage_id, pass_id, place, session_id, taken_at, freed_at)
SELECT
    $1::smallint, $2::text, $3::text, free.place, $5::uuid,
    greatest($6::timestamptz, free.freed_at),
    CASE WHEN free.place IS NULL THEN $6::timestamptz END
FROM (SELECT) AS one
LEFT JOIN free ON true
WHERE free.place IS NOT NULL
    OR NOT EXISTS (SELECT FROM pass_place WHERE session_id = $5::uuid AND pass_id = $3::text AND place IS NULL)
ON CONFLICT DO NOTHING
RETURNING place
