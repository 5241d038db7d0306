-- Barrier records of a garage before a place, newest first, of one kind if asked for.
-- $1 partition smallint
-- $2 garage_id text
-- $3 before_at timestamptz
-- $4 before_id uuid
-- $5 act text
-- $6 lane_id text
-- $7 count integer
SELECT at, record_id, lane_id, controller_id, act, outcome, event_id, reason, command, said
FROM barrier_record
WHERE partition = $1::smallint AND garage_id = $2::text AND (at, record_id) < ($3::timestamptz, $4::uuid)
    AND ($5::text IS NULL OR act = $5::text) AND ($6::text IS NULL OR lane_id = $6::text)
ORDER BY at DESC, record_id DESC
LIMIT $7::integer
