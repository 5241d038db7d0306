-- I5: the charge of a credited bill is voided, or will be, or is given back; no other charge is voided.
SELECT
    charge.charge_id::text AS item_id,
    format('%s, void requested: %s, bill credited: %s', state, void_requested, note.bill_id IS NOT NULL)
        AS explanation
FROM charge
LEFT JOIN bill AS note ON note.credits_bill_id = charge.bill_id AND note.kind = 'credit_note'
WHERE charge.direction = 'collect'
    AND CASE
        WHEN note.bill_id IS NULL THEN state = 'voided' OR void_requested
        WHEN state = 'paid' THEN NOT EXISTS (
            SELECT FROM charge AS refund WHERE refund.bill_id = charge.bill_id AND refund.direction = 'refund'
        )
        ELSE state <> 'voided' AND NOT void_requested
    END
LIMIT 100
