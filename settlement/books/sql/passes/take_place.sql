-- Gives a stay the first free place of a pass, from when that became free until the stay is over; without one, writes
-- down that it found none. Answers with the place; with none when that was known, or when somebody else was faster.
--
-- What counts is when cars were there, not when it was heard of: a place is free for a stay unless another one has it
-- when that ends. A visitor that stays one has a place all the same when it turns out that one was free at its entry.
-- $1 partition smallint
-- $2 garage_id text
-- $3 pass_id text
-- $4 places integer
-- $5 session_id uuid
-- $6 entered_at timestamptz
-- $7 left_at timestamptz
-- $8 when_place_frees text
WITH found_none AS (
    SELECT FROM pass_place WHERE session_id = $5::uuid AND pass_id = $3::text AND place IS NULL
),
free AS (
    SELECT number.place, max(was.freed_at) FILTER (WHERE was.freed_at > $6::timestamptz) AS freed_at,
        coalesce(bool_or(was.freed_at <= $6::timestamptz), false) AS left_before
    FROM generate_series(1, $4::integer) AS number (place)
    LEFT JOIN pass_place AS was ON was.partition = $1::smallint AND was.garage_id = $2::text
        AND was.pass_id = $3::text AND was.place = number.place AND was.taken_at < coalesce($7::timestamptz, 'infinity')
    WHERE NOT EXISTS (
        SELECT FROM pass_place AS taken
        WHERE taken.partition = $1::smallint AND taken.garage_id = $2::text AND taken.pass_id = $3::text
            AND taken.place = number.place AND taken.taken_at < coalesce($7::timestamptz, 'infinity')
            AND coalesce(taken.freed_at, 'infinity') >= coalesce($7::timestamptz, 'infinity')
    )
    GROUP BY number.place
    ORDER BY freed_at NULLS FIRST, left_before DESC, number.place
    LIMIT 1
),
chosen AS (
    SELECT place, freed_at
    FROM free
    WHERE $8::text = 'takes_place' OR NOT EXISTS (SELECT FROM found_none) OR (freed_at IS NULL AND left_before)
)
INSERT INTO pass_place (partition, garage_id, pass_id, place, session_id, taken_at, freed_at)
SELECT
    $1::smallint, $2::text, $3::text, chosen.place, $5::uuid,
    greatest($6::timestamptz, chosen.freed_at),
    CASE WHEN chosen.place IS NULL THEN $6::timestamptz ELSE $7::timestamptz END
FROM (SELECT) AS one
LEFT JOIN chosen ON true
WHERE chosen.place IS NOT NULL OR NOT EXISTS (SELECT FROM found_none)
ON CONFLICT DO NOTHING
RETURNING place
