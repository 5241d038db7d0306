-- Lets a report go that its recipient will not take, and has a person look at it, both or neither.
-- $1 recipient text
-- $2 partition smallint
-- $3 garage_id text
-- $4 place bigint
-- $5 item_id text
-- $6 why text
-- $7 now timestamptz
WITH gone AS (
    DELETE FROM outgoing_report
    WHERE partition = $2::smallint AND recipient = $1::text AND garage_id = $3::text AND place = $4::bigint
    RETURNING operation, body
)
INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
SELECT
    $2::smallint, $5::text, $3::text, 'report_refused',
    jsonb_build_object('recipient', $1::text, 'operation', operation, 'report', body::jsonb, 'why', $6::text),
    $7::timestamptz
FROM gone
ON CONFLICT (partition, item_id) DO NOTHING
