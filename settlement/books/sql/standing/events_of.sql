-- What a garage's gates were asked about a car during its stay and a day after, and what they answered.
-- $1 partition smallint
-- $2 garage_id text
-- $3 session_id uuid
-- $4 number text
-- $5 from timestamptz
-- $6 until timestamptz
SELECT captured_at, received_at, event_id, lane_id, kind, offline, verdict, reason, amount_fen, limit_fen, result
FROM gate_event
WHERE partition = $1 AND captured_at BETWEEN $5 AND $6 AND garage_id = $2
    AND (session_id = $3 OR (session_id IS NULL AND number = $4))
ORDER BY captured_at, received_at
