-- The last that a garage's gates were asked about an event, or about a plate, within a span.
-- $1 partition smallint
-- $2 garage_id text
-- $3 from timestamptz
-- $4 until timestamptz
-- $5 event_id text
-- $6 number text
SELECT
    captured_at, received_at, event_id, lane_id, kind, offline, verdict, reason, amount_fen, limit_fen, result,
    number, colour, session_id, debt_reference
FROM gate_event
WHERE partition = $1 AND captured_at BETWEEN $3 AND $4 AND garage_id = $2
    AND ($5::text IS NULL OR event_id = $5) AND ($6::text IS NULL OR number = $6)
ORDER BY captured_at DESC, received_at DESC
LIMIT 1
