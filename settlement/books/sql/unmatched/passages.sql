-- The exits and turn-backs of a garage that were captured in a span, with the answers given to them.
-- $1 partition smallint
-- $2 garage_id text
-- $3 since timestamptz
-- $4 until timestamptz
SELECT garage_id, event_id, lane_id, kind, captured_at, number, colour, confidence, candidates, offline,
       verdict, reason, amount_fen, limit_fen, session_id, token_digest
FROM gate_event
WHERE partition = $1 AND garage_id = $2 AND captured_at BETWEEN $3 AND $4 AND kind IN ('exit', 'turn_back')
ORDER BY captured_at, event_id
