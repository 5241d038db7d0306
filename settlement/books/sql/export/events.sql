-- Every archived gate event of a span of device time, for whoever has to account for each of them.
-- $1 from_at timestamptz
-- $2 until_at timestamptz
SELECT garage_id, event_id, lane_id, kind, captured_at, received_at, verdict, reason, result, session_id
FROM gate_event
WHERE captured_at >= $1 AND captured_at < $2
ORDER BY captured_at, garage_id, event_id
