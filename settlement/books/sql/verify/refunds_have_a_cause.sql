-- I5: what is given back had been paid, the same way and in whole, and its bill is credited.
SELECT
    refund.charge_id::text AS item_id,
    format(
        'gives back %s fen; collected: %s fen, bill credited: %s', refund.amount_fen, paid.amount_fen,
        note.bill_id IS NOT NULL
    ) AS explanation
FROM charge AS refund
LEFT JOIN charge AS paid
    ON paid.partition = refund.partition AND paid.bill_id = refund.bill_id
    AND paid.direction = 'collect' AND paid.state = 'paid'
LEFT JOIN bill AS note ON note.credits_bill_id = refund.bill_id AND note.kind = 'credit_note'
WHERE refund.direction = 'refund'
    AND (
        note.bill_id IS NULL
        OR (paid.amount_fen, paid.rail, paid.agreement)
            IS DISTINCT FROM (refund.amount_fen, refund.rail, refund.agreement)
    )
LIMIT 100
