-- The answers given to events that were received lately, so that a repeated event gets its answer again.
-- $1 received_from timestamptz
SELECT garage_id, event_id, lane_id, kind, captured_at, number, colour, confidence, candidates, offline,
       verdict, reason, amount_fen, limit_fen, session_id, token_digest
FROM gate_event
WHERE received_at >= $1
