-- Frees the places of stays that have ended, also of those whose end was missed a while ago, and names the stays inside
-- that may take them now, or could have had one when they came: what ended before may be heard of later. None that was
-- missed is looked for where no moment is given.
-- $1 session_id uuid[]
-- $2 ended_at timestamptz[]
-- $3 missed_before timestamptz
WITH placed AS MATERIALIZED (
    SELECT partition, session_id
    FROM pass_place
    WHERE freed_at IS NULL AND session_id <> ALL ($1::uuid[]) AND $3::timestamptz IS NOT NULL
),
ended AS (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS e (session_id, ended_at)
    UNION ALL
    SELECT missed.session_id, missed.left_at
    FROM placed
    CROSS JOIN LATERAL (
        SELECT session.session_id, session.left_at
        FROM session
        WHERE session.partition = placed.partition AND session.session_id = placed.session_id
            AND session.state = 'closed' AND session.left_at < $3::timestamptz
        OFFSET 0 -- Each is looked up by its id.
    ) AS missed
),
freed AS (
    UPDATE pass_place SET freed_at = greatest(pass_place.taken_at, ended.ended_at)
    FROM ended
    WHERE pass_place.session_id = ended.session_id AND pass_place.freed_at IS NULL
    RETURNING pass_place.partition, pass_place.garage_id, pass_place.pass_id, pass_place.freed_at
)
SELECT DISTINCT
    session.session_id, session.garage_id, session.number, session.colour, session.entered_at, session.entry_lane_id,
    session.entry_event_id, session.tariff_version_id, session.version
FROM freed
JOIN pass USING (partition, garage_id, pass_id)
JOIN pass_place AS waiting USING (partition, garage_id, pass_id)
JOIN session ON session.partition = waiting.partition AND session.session_id = waiting.session_id
WHERE (pass.when_place_frees = 'takes_place' OR freed.freed_at <= waiting.taken_at)
    AND waiting.place IS NULL AND session.state = 'inside'
    AND session.session_id <> ALL ($1::uuid[])
ORDER BY session.entered_at
