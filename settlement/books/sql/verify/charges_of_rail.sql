-- All charges at a rail, with the attempt that paid them.
-- $1 rail text
SELECT
    charge.direction,
    replace(charge.bill_id::text, '-', '') AS order_key,
    charge.amount_fen,
    charge.state,
    charge.same_attempt,
    paid.attempt_key AS paid_attempt_key
FROM charge
LEFT JOIN charge_attempt AS paid
    ON paid.partition = charge.partition AND paid.charge_id = charge.charge_id AND paid.outcome = 'paid'
WHERE charge.rail = $1
