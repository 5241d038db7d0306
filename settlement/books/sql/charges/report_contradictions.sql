-- Puts what a rail says against our books before a person, once per attempt and cause.
-- $1 now timestamptz
-- $2 partition smallint[]
-- $3 item_id text[]
-- $4 garage_id text[]
-- $5 details jsonb[]
INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
SELECT partition, item_id, garage_id, 'rail_contradiction', details, $1::timestamptz
FROM unnest($2::smallint[], $3::text[], $4::text[], $5::jsonb[])
    AS item (partition, item_id, garage_id, details)
ON CONFLICT (partition, item_id) DO NOTHING
