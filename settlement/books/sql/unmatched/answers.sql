-- Events with the answers given to them, and those events that ended a session for the item of one of them.
-- $1 partition smallint[]
-- $2 captured_at timestamptz[]
-- $3 garage_id text[]
-- $4 event_id text[]
-- $5 closing_event_id text[]
SELECT garage_id, event.event_id, lane_id, kind, captured_at, number, colour, confidence, candidates, offline,
       verdict, reason, amount_fen, limit_fen, session_id, token_digest
FROM unnest($1::smallint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[])
    AS item (partition, captured_at, garage_id, event_id, closing_event_id)
JOIN gate_event AS event USING (partition, captured_at, garage_id)
WHERE event.event_id IN (item.event_id, item.closing_event_id)
