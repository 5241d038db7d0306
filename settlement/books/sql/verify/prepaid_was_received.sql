-- I5: the bills of a stay use no more than was paid inside for it.
WITH used AS (
    SELECT session_id, sum(CASE kind WHEN 'bill' THEN prepaid_fen ELSE -prepaid_fen END) AS fen
    FROM bill
    GROUP BY session_id
),
received AS (
    SELECT session_id, sum(amount_fen) AS fen FROM prepayment GROUP BY session_id
)
SELECT
    used.session_id::text AS item_id,
    format('its bills use %s fen, and %s fen were paid inside', used.fen, coalesce(received.fen, 0)) AS explanation
FROM used
LEFT JOIN received USING (session_id)
WHERE used.fen > coalesce(received.fen, 0)
LIMIT 100
