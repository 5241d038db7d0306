-- Keeps barrier records; those that are kept already stay as they are. A person looks at who drove in behind another.
-- $1 partition smallint[]
-- $2 garage_id text[]
-- $3 at timestamptz[]
-- $4 record_id uuid[]
-- $5 lane_id text[]
-- $6 controller_id text[]
-- $7 act text[]
-- $8 outcome text[]
-- $9 event_id text[]
-- $10 reason text[]
-- $11 command text[]
-- $12 said text[]
WITH kept AS (
    INSERT INTO barrier_record (
        partition, garage_id, at, record_id, lane_id, controller_id, act, outcome, event_id, reason, command, said
    )
    SELECT partition, garage_id, at, record_id, lane_id, controller_id, act, outcome, event_id, reason, command, said
    FROM unnest(
        $1::smallint[], $2::text[], $3::timestamptz[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::text[]
    ) AS given (
        partition, garage_id, at, record_id, lane_id, controller_id, act, outcome, event_id, reason, command, said
    )
    ON CONFLICT ON CONSTRAINT barrier_record_is_kept_once DO NOTHING
    RETURNING partition, record_id, garage_id, act, lane_id, controller_id, at
)
INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
SELECT
    partition, format('barrier:%s', record_id), garage_id, act,
    jsonb_build_object('lane_id', lane_id, 'controller_id', controller_id, 'at', at), at
FROM kept
WHERE act = 'tailgated'
ON CONFLICT ON CONSTRAINT quarantine_item_is_unique DO NOTHING
