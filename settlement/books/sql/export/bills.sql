-- Every bill and credit note of the stays that began in a span, for whoever compares or checks them.
-- $1 from_at timestamptz
-- $2 until_at timestamptz
SELECT garage_id, bill_id, kind, credits_bill_id, session_id, version, correction, number, colour,
       coalesce(stay_from, entered_at) AS entered_at, left_at, vehicle_class, amount_fen, prepaid_fen, reason, raised_at
FROM bill
WHERE entered_at >= $1 AND entered_at < $2
ORDER BY entered_at, garage_id, session_id, version, correction, kind
