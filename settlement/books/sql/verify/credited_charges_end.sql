-- I5: the charge of a credited bill is voided, or will be, or is given back, by its rail or by a person; no other charge is voided.
SELECT
    charge.charge_id::text AS item_id,
    format('%s, void requested: %s, bill credited: %s', charge.state, charge.void_requested, note.bill_id IS NOT NULL)
        AS explanation
FROM charge
LEFT JOIN bill AS note ON note.credits_bill_id = charge.bill_id AND note.kind = 'credit_note'
LEFT JOIN charge AS refund
    ON refund.partition = charge.partition AND refund.bill_id = charge.bill_id AND refund.direction = 'refund'
WHERE charge.direction = 'collect'
    AND CASE
        WHEN note.bill_id IS NULL THEN charge.state = 'voided' OR charge.void_requested
        WHEN charge.state = 'collected' THEN false
        WHEN charge.state = 'paid' THEN refund.charge_id IS NULL
        ELSE charge.state <> 'voided' AND NOT charge.void_requested
    END
LIMIT 100
