-- Numbers visits for a recipient and keeps what is reported of them.
-- $1 recipient text
-- The visits:
-- $2 partition smallint[]
-- $3 session_id uuid[]
-- $4 garage_id text[]
-- $5 entered_at timestamptz[]
-- $6 uid text[]
-- The reports, in their order:
-- $7 partition smallint[]
-- $8 garage_id text[]
-- $9 operation text[]
-- $10 body text[]
-- And when:
-- $11 now timestamptz
WITH numbered AS (
    INSERT INTO reported_visit (partition, recipient, session_id, garage_id, entered_at, uid)
    SELECT partition, $1::text, session_id, garage_id, entered_at, uid
    FROM unnest($2::smallint[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[])
        AS v (partition, session_id, garage_id, entered_at, uid)
)
INSERT INTO outgoing_report (partition, recipient, garage_id, place, operation, body, added_at)
SELECT
    partition, $1::text, garage_id,
    number + (SELECT coalesce(max(place), 0) FROM outgoing_report WHERE recipient = $1::text),
    operation, body, $11::timestamptz
FROM unnest($7::smallint[], $8::text[], $9::text[], $10::text[])
    WITH ORDINALITY AS r (partition, garage_id, operation, body, number)
