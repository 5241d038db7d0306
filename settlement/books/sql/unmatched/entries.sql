-- How surely the entries of some sessions were read, in thousandths.
-- $1 partition smallint[]
-- $2 entered_at timestamptz[]
-- $3 garage_id text[]
-- $4 entry_event_id text[]
-- $5 session_id uuid[]
SELECT stay.session_id, round(event.confidence * 1000)::integer AS permille
FROM unnest($1::smallint[], $2::timestamptz[], $3::text[], $4::text[], $5::uuid[])
    AS stay (partition, captured_at, garage_id, event_id, session_id)
JOIN gate_event AS event USING (partition, captured_at, garage_id, event_id)
