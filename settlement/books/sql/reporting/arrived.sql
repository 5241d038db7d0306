-- Lets reports go that have arrived.
-- $1 recipient text
-- $2 partition smallint[]
-- $3 garage_id text[]
-- $4 place bigint[]
DELETE FROM outgoing_report AS report
USING unnest($2::smallint[], $3::text[], $4::bigint[]) AS r (partition, garage_id, place)
WHERE report.partition = r.partition AND report.recipient = $1::text AND report.garage_id = r.garage_id
    AND report.place = r.place
