-- The places of passes that some stays have, or had for a while.
-- $1 session_id uuid[]
SELECT session_id, name, valid_from, valid_until, taken_at, freed_at
FROM pass_place
JOIN pass USING (partition, garage_id, pass_id)
WHERE session_id = ANY ($1::uuid[]) AND place IS NOT NULL
ORDER BY session_id, taken_at
