-- Keeps barrier records; those that are kept already stay as they are.
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
