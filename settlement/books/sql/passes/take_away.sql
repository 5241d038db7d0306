-- Takes away the places of passes that a stay has or had: they were another vehicle's. What stays are given that found
-- none meanwhile is to be looked up again, of those that are billed by settlement; answers with the plate numbers of
-- those inside.
-- $1 session_id uuid
-- $2 now timestamptz
WITH was AS MATERIALIZED (
    SELECT partition, garage_id, pass_id, taken_at, freed_at
    FROM pass_place
    WHERE session_id = $1::uuid AND place IS NOT NULL AND freed_at IS DISTINCT FROM taken_at
),
taken_away AS (
    UPDATE pass_place
    SET freed_at = taken_at
    WHERE session_id = $1::uuid AND place IS NOT NULL AND freed_at IS DISTINCT FROM taken_at
),
found_none AS (
    SELECT DISTINCT
        session.partition, session.session_id, session.version, session.entered_at, session.number, session.state
    FROM was
    JOIN pass_place AS without ON without.partition = was.partition AND without.garage_id = was.garage_id
        AND without.pass_id = was.pass_id AND without.place IS NULL AND without.session_id <> $1::uuid
    JOIN session ON session.partition = without.partition AND session.session_id = without.session_id
    WHERE without.taken_at < coalesce(was.freed_at, 'infinity')
        AND coalesce(session.left_at, 'infinity') > was.taken_at
),
looked_up AS (
    INSERT INTO unknown_benefits (partition, session_id, version, entered_at, noted_at)
    SELECT partition, session_id, version, entered_at, $2::timestamptz
    FROM found_none
    WHERE state = 'closed'
    ON CONFLICT DO NOTHING
)
SELECT number FROM found_none WHERE state = 'inside'
