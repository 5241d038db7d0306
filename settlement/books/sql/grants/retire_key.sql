-- Notes that nothing is signed by a key any more; what was signed stays checkable. No row when it is not in use.
-- $1 key_id text
-- $2 now timestamptz
UPDATE grant_key SET retired_at = $2 WHERE key_id = $1 AND retired_at IS NULL RETURNING key_id
