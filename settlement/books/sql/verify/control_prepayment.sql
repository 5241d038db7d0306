-- Control: every prepayment is posted as received, every one given back as released, and nothing more is.
WITH expected AS (
    SELECT partition, garage_id, 'prepayment_received' AS kind, sum(amount_fen) AS fen
    FROM prepayment
    GROUP BY partition, garage_id
    UNION ALL
    SELECT partition, garage_id, 'prepayment_released', sum(amount_fen)
    FROM prepayment_refund
    GROUP BY partition, garage_id
),
posted AS (
    SELECT partition, garage_id, kind, sum(amount_fen) AS fen
    FROM ledger_entry
    WHERE kind IN ('prepayment_received', 'prepayment_released')
    GROUP BY partition, garage_id, kind
)
SELECT
    format('%s/%s', partition, garage_id) AS item_id,
    format('%s: posted %s fen, booked %s fen', kind, posted.fen, expected.fen) AS explanation
FROM posted
FULL JOIN expected USING (partition, garage_id, kind)
WHERE coalesce(posted.fen, 0) <> coalesce(expected.fen, 0)
LIMIT 100
