-- Writes down what was found out about an item that is still open.
-- $1 partition smallint
-- $2 item_id text
-- $3 finding text
-- $4 now timestamptz
UPDATE quarantine
SET finding = $3::text::jsonb, looked_at = $4
WHERE partition = $1 AND item_id = $2 AND state = 'open'
