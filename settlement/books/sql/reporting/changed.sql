-- Visits of which a recipient does not know all, with the bill that stands and how it was paid, oldest first.
-- $1 recipient text
-- $2 limit bigint
SELECT
    visit.partition, visit.session_id, visit.garage_id, visit.entered_at, visit.uid, visit.closings AS told_closings,
    visit.bill_id AS told_bill_id, visit.is_paid AS told_is_paid,
    session.number, session.colour, session.entry_lane_id, session.entry_event_id, session.state, session.version,
    session.left_at, session.exit_lane_id, NULL AS entry_image,
    (
        SELECT max(image_reference)
        FROM gate_event
        WHERE gate_event.partition = session.partition AND captured_at = session.left_at
            AND gate_event.garage_id = session.garage_id AND gate_event.session_id = session.session_id
            AND gate_event.kind = 'exit'
    ) AS exit_image,
    standing.bill_id, standing.amount_fen, standing.prepaid_fen, standing.raised_at,
    CASE WHEN standing.prepaid_fen > 0 THEN (
        SELECT max(received_at) FROM prepayment WHERE prepayment.session_id = visit.session_id
    ) END AS prepaid_at,
    coalesce(charge.state = 'voided', false) AS is_void, charge.rail, paid.attempt_key, coalesce(paid.answered_at, debt_payment.received_at) AS paid_at, debt_payment.method
FROM reported_visit AS visit
JOIN session USING (partition, entered_at, session_id)
LEFT JOIN LATERAL (
    SELECT bill.bill_id, bill.amount_fen, bill.prepaid_fen, bill.raised_at
    FROM bill
    WHERE bill.partition = visit.partition AND bill.entered_at = visit.entered_at
        AND bill.session_id = visit.session_id AND bill.version = session.version AND bill.kind = 'bill'
        AND session.state = 'closed'
    ORDER BY bill.correction DESC
    LIMIT 1
) AS standing ON true
LEFT JOIN charge ON charge.partition = visit.partition AND charge.bill_id = standing.bill_id
    AND charge.direction = 'collect'
LEFT JOIN charge_attempt AS paid ON paid.partition = charge.partition AND paid.charge_id = charge.charge_id
    AND paid.outcome = 'paid'
LEFT JOIN debt_payment ON debt_payment.partition = charge.partition AND debt_payment.charge_id = charge.charge_id
WHERE visit.recipient = $1::text AND visit.is_open AND (
    session.state IN ('voided', 'superseded')
    OR (session.state = 'inside' AND visit.bill_id IS NOT NULL)
    OR (session.state = 'closed' AND visit.bill_id IS DISTINCT FROM standing.bill_id)
    OR (
        visit.bill_id = standing.bill_id AND NOT visit.is_paid AND charge.state IN ('paid', 'collected', 'voided')
    )
)
ORDER BY visit.entered_at, visit.session_id
LIMIT $2::bigint
