-- I2: every entry names a bill or a charge that exists, or books a prepayment.
SELECT
    entry.transaction_id::text AS item_id,
    format('line %s, %s of %s fen, names nothing that is there', entry.line, entry.kind, entry.amount_fen)
        AS explanation
FROM ledger_entry AS entry
WHERE entry.kind NOT IN ('prepayment_received', 'prepayment_released')
    AND (
        NOT EXISTS (SELECT FROM bill WHERE bill.bill_id = entry.bill_id)
        OR (
            entry.kind IN ('charge_paid', 'refund_owed', 'refund_paid')
            AND NOT EXISTS (
                SELECT FROM charge WHERE charge.partition = entry.partition AND charge.charge_id = entry.charge_id
            )
        )
    )
LIMIT 100
