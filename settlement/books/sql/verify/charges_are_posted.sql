-- I2: a collected charge is posted as paid, a refund as owed and, when it is paid, as paid; nothing else is.
WITH posted AS (
    SELECT
        charge_id,
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'charge_paid'), 0) AS paid_fen,
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'refund_owed'), 0) AS owed_fen,
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'refund_paid'), 0) AS refunded_fen
    FROM ledger_entry
    WHERE charge_id IS NOT NULL
    GROUP BY charge_id
)
SELECT
    charge.charge_id::text AS item_id,
    format(
        '%s of %s fen is %s; posted: paid %s, owed %s, refunded %s', direction, amount_fen, state,
        coalesce(paid_fen, 0), coalesce(owed_fen, 0), coalesce(refunded_fen, 0)
    ) AS explanation
FROM charge
LEFT JOIN posted USING (charge_id)
WHERE coalesce(paid_fen, 0) <> CASE WHEN direction = 'collect' AND state = 'paid' THEN amount_fen ELSE 0 END
    OR coalesce(owed_fen, 0) <> CASE WHEN direction = 'refund' THEN amount_fen ELSE 0 END
    OR coalesce(refunded_fen, 0) <> CASE WHEN direction = 'refund' AND state = 'paid' THEN amount_fen ELSE 0 END
LIMIT 100
