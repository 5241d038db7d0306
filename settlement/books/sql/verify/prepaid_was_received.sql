-- I5: the bills of a stay use no more than was paid inside for it and not given back.
WITH used AS (
    SELECT session_id, sum(CASE kind WHEN 'bill' THEN prepaid_fen ELSE -prepaid_fen END) AS fen
    FROM bill
    GROUP BY session_id
),
received AS (
    SELECT session_id, sum(fen) AS fen
    FROM (
        SELECT session_id, amount_fen AS fen FROM prepayment
        UNION ALL
        SELECT session_id, -amount_fen FROM prepayment_refund
    ) AS moved
    GROUP BY session_id
)
SELECT
    used.session_id::text AS item_id,
    format(
        'its bills use %s fen, and %s fen were paid inside and not given back', coalesce(used.fen, 0),
        coalesce(received.fen, 0)
    ) AS explanation
FROM used
FULL JOIN received USING (session_id)
WHERE coalesce(used.fen, 0) > coalesce(received.fen, 0)
LIMIT 100
