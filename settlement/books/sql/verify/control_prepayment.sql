-- Control: every prepayment is posted as received, and nothing more is.
WITH expected AS (
    SELECT partition, garage_id, sum(amount_fen) AS fen FROM prepayment GROUP BY partition, garage_id
),
posted AS (
    SELECT partition, garage_id, sum(amount_fen) AS fen
    FROM ledger_entry
    WHERE kind = 'prepayment_received'
    GROUP BY partition, garage_id
)
SELECT
    format('%s/%s', partition, garage_id) AS item_id,
    format('posted %s fen, taken %s fen', posted.fen, expected.fen) AS explanation
FROM posted
FULL JOIN expected USING (partition, garage_id)
WHERE coalesce(posted.fen, 0) <> coalesce(expected.fen, 0)
LIMIT 100
