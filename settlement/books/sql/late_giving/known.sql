-- It is known what some closings were given: they may be charged.
-- $1 partition smallint[]
-- $2 session_id uuid[]
-- $3 version integer[]
DELETE FROM unknown_benefits
WHERE (partition, session_id, version) IN (
    SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::integer[]) AS k (partition, session_id, version)
)
