-- Settles the item of a stay whose exit was missed, before the stay is closed; no row where a person has settled it.
-- $1 partition smallint
-- $2 item_id text
-- $3 note text
-- $4 resolution text
-- $5 resolved_by text
-- $6 now timestamptz
UPDATE quarantine
SET state = 'resolved', resolution = $4, resolved_by = $5, resolved_at = coalesce(resolved_at, $6), note = $3
WHERE partition = $1 AND item_id = $2 AND (state = 'open' OR resolved_by = $5)
RETURNING item_id
