-- I2: every entry names a bill or a charge that exists, or books a payment.
WITH cause AS (
    SELECT DISTINCT bill_id FROM bill
)
SELECT
    entry.transaction_id::text AS item_id,
    format('line %s, %s of %s fen, names nothing that is there', entry.line, entry.kind, entry.amount_fen)
        AS explanation
FROM ledger_entry AS entry
LEFT JOIN cause ON cause.bill_id = entry.bill_id
LEFT JOIN charge ON charge.partition = entry.partition AND charge.charge_id = entry.charge_id
WHERE entry.kind NOT IN ('prepayment_received', 'prepayment_released', 'merchant_paid')
    AND (
        cause.bill_id IS NULL
        OR (entry.kind IN ('charge_paid', 'refund_owed', 'refund_paid') AND charge.charge_id IS NULL)
    )
LIMIT 100
