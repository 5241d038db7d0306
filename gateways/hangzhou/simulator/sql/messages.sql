-- The messages after one, in the order in which they came first.
-- :after integer
-- :limit integer
SELECT sequence, operation, body, copies
FROM messages
WHERE sequence > :after
ORDER BY sequence
LIMIT :limit
