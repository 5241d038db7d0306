-- Gives a stay the places of passes that it had from its beginning from an earlier one on, as far as no other stay had
-- them then; answers with what it has more.
-- $1 session_id uuid
-- $2 began_at timestamptz
-- $3 begins_at timestamptz
WITH own AS (
    SELECT partition, garage_id, pass_id, place, session_id, taken_at
    FROM pass_place
    WHERE session_id = $1::uuid AND place IS NOT NULL AND freed_at IS DISTINCT FROM taken_at
        AND taken_at > $3::timestamptz AND taken_at <= $2::timestamptz
),
extended AS (
    INSERT INTO pass_place (partition, garage_id, pass_id, place, session_id, taken_at, freed_at)
    SELECT
        own.partition, own.garage_id, own.pass_id, own.place, own.session_id,
        least(greatest($3::timestamptz, max(other.freed_at)), own.taken_at), own.taken_at
    FROM own
    LEFT JOIN pass_place AS other ON other.partition = own.partition AND other.garage_id = own.garage_id
        AND other.pass_id = own.pass_id AND other.place = own.place AND other.session_id <> own.session_id
        AND other.taken_at < own.taken_at
    GROUP BY own.partition, own.garage_id, own.pass_id, own.place, own.session_id, own.taken_at
    RETURNING partition, garage_id, pass_id, taken_at, freed_at
)
SELECT name, valid_from, valid_until, taken_at, freed_at
FROM extended
JOIN pass USING (partition, garage_id, pass_id)
