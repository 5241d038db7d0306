-- Takes an entry off a block list; no row when it is not on one.
-- $1 block_id text
-- $2 now timestamptz
UPDATE block
SET ended_at = $2
WHERE block_id = $1 AND ended_at IS NULL
RETURNING account_id, number
