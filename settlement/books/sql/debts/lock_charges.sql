-- The charges of some bills as they are, locked until the end of the transaction, in the order of their keys.
-- $1 partition smallint[]
-- $2 bill_id uuid[]
WITH wanted AS (
    SELECT * FROM unnest($1::smallint[], $2::uuid[]) AS w (partition, bill_id)
),
locked AS (
    SELECT partition, charge_id, bill_id, garage_id, session_id, account_id, amount_fen, state, same_attempt
    FROM charge
    WHERE direction = 'collect' AND (partition, bill_id) IN (SELECT partition, bill_id FROM wanted)
    ORDER BY partition, charge_id
    FOR NO KEY UPDATE
)
SELECT
    locked.partition, locked.charge_id, locked.bill_id, locked.garage_id, locked.session_id, locked.account_id,
    locked.amount_fen, locked.state, locked.same_attempt, bill_dispute.bill_id IS NOT NULL AS disputed,
    paid.payment_id, paid.reference, paid.collected_at, paid.method
FROM locked
LEFT JOIN bill_dispute ON bill_dispute.partition = locked.partition AND bill_dispute.bill_id = locked.bill_id
    AND bill_dispute.state = 'open'
LEFT JOIN debt_payment AS paid ON paid.partition = locked.partition AND paid.charge_id = locked.charge_id
ORDER BY locked.partition, locked.charge_id
