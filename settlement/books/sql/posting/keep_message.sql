-- Opens an item for a message that not even the archive can hold.
-- $1 partition smallint
-- $2 item_id text
-- $3 details text
-- $4 opened_at timestamptz
INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
VALUES ($1, $2, 'unknown', 'unbookable', $3::text::jsonb, $4)
ON CONFLICT (partition, item_id) DO NOTHING
