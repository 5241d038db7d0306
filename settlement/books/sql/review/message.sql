-- What the journal had of a refused record.
-- $1 partition smallint
-- $2 item_id text
SELECT message FROM quarantine WHERE partition = $1 AND item_id = $2
