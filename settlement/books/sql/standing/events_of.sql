-- What a garage's gates were asked about a car during its stay and a day after, what they answered, and what of the fee had
-- been paid inside by then.
-- $1 partition smallint
-- $2 garage_id text
-- $3 session_id uuid
-- $4 number text
-- $5 from timestamptz
-- $6 until timestamptz
SELECT
    captured_at, received_at, event_id, lane_id, kind, offline, verdict, reason, amount_fen, limit_fen, result,
    least(amount_fen, greatest(0, (
        SELECT coalesce(sum(prepayment.amount_fen), 0)
        FROM prepayment
        WHERE prepayment.session_id = $3 AND prepayment.received_at <= gate_event.received_at
    ) - (
        SELECT coalesce(sum(refund.amount_fen), 0)
        FROM prepayment_refund AS refund
        WHERE refund.session_id = $3 AND refund.given_at <= gate_event.received_at
    )))::bigint AS prepaid_fen
FROM gate_event
WHERE partition = $1 AND captured_at BETWEEN $5 AND $6 AND garage_id = $2
    AND (session_id = $3 OR (session_id IS NULL AND number = $4))
ORDER BY captured_at, received_at
