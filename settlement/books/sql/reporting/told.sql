-- Keeps reports and, of the visits that they are about, what their recipient knows by them.
-- $1 recipient text
-- The visits:
-- $2 partition smallint[]
-- $3 session_id uuid[]
-- $4 closings integer[]
-- $5 bill_id uuid[]
-- $6 is_paid boolean[]
-- $7 is_open boolean[]
-- The reports, in their order:
-- $8 partition smallint[]
-- $9 garage_id text[]
-- $10 operation text[]
-- $11 body text[]
-- And when:
-- $12 now timestamptz
WITH known AS (
    UPDATE reported_visit AS visit
    SET closings = v.closings, bill_id = v.bill_id, is_paid = v.is_paid, is_open = v.is_open
    FROM unnest($2::smallint[], $3::uuid[], $4::integer[], $5::uuid[], $6::boolean[], $7::boolean[])
        AS v (partition, session_id, closings, bill_id, is_paid, is_open)
    WHERE visit.partition = v.partition AND visit.recipient = $1::text AND visit.session_id = v.session_id
)
INSERT INTO outgoing_report (partition, recipient, garage_id, place, operation, body, added_at)
SELECT
    partition, $1::text, garage_id,
    number + (SELECT coalesce(max(place), 0) FROM outgoing_report WHERE recipient = $1::text),
    operation, body, $12::timestamptz
FROM unnest($8::smallint[], $9::text[], $10::text[], $11::text[])
    WITH ORDINALITY AS r (partition, garage_id, operation, body, number)
