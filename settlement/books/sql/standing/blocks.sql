-- The block lists' entries in force, latest first.
-- $1 now timestamptz
SELECT block_id, account_id, number, colour, scope, garage_id, cause, added_by, added_at, valid_until
FROM block
WHERE ended_at IS NULL AND valid_until > $1
ORDER BY added_at DESC, block_id
LIMIT 1000
