-- Ends the dispute of a bill; no row when none is open.
-- $1 partition smallint
-- $2 bill_id uuid
-- $3 state text
-- $4 now timestamptz
-- $5 resolved_by text
UPDATE bill_dispute
SET state = $3, resolved_at = $4, resolved_by = $5
WHERE partition = $1 AND bill_id = $2 AND state = 'open'
RETURNING bill_id
