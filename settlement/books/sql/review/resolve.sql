-- Resolves an item that is still open, and forgets its message; no row when it is not.
-- $1 partition smallint
-- $2 item_id text
-- $3 resolution text
-- $4 resolved_by text
-- $5 now timestamptz
-- $6 note text
UPDATE quarantine
SET state = 'resolved', resolution = $3, resolved_by = $4, resolved_at = $5, note = $6, message = NULL
WHERE partition = $1 AND item_id = $2 AND state = 'open'
RETURNING item_id
