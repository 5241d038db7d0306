-- A page of the books.
-- :after integer, the last sequence already read
-- :limit integer
SELECT sequence, kind, order_key, attempt_key, amount_fen, paid_at_ms, rail_reference
FROM movements
WHERE sequence > :after
ORDER BY sequence
LIMIT :limit
