-- The charges of some bills, each with its attempts as a JSON list, oldest first.
-- $1 partition smallint
-- $2 bill_ids uuid[]
SELECT
    charge.charge_id, charge.bill_id, charge.direction, charge.rail, charge.amount_fen, charge.state,
    charge.last_code, charge.raised_at, charge.next_at, charge.moved_at,
    coalesce(
        jsonb_agg(jsonb_build_object(
            'number', charge_attempt.attempt_no,
            'sent_at', charge_attempt.sent_at,
            'answered_at', charge_attempt.answered_at,
            'outcome', charge_attempt.outcome,
            'code', charge_attempt.code,
            'rail_reference', charge_attempt.rail_reference
        ) ORDER BY charge_attempt.attempt_no) FILTER (WHERE charge_attempt.attempt_no IS NOT NULL),
        '[]'
    )::text AS attempts
FROM charge
LEFT JOIN charge_attempt USING (partition, charge_id)
WHERE charge.partition = $1 AND charge.bill_id = ANY ($2)
GROUP BY charge.partition, charge.charge_id
ORDER BY charge.raised_at, charge.direction
