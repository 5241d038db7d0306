-- Keeps what the journal had of an item that a refused record has opened; opens it for a record that not even the
-- archive can hold.
-- $1 partition smallint
-- $2 item_id text
-- $3 details text
-- $4 message text
-- $5 opened_at timestamptz
INSERT INTO quarantine (partition, item_id, garage_id, cause, details, message, opened_at)
VALUES ($1, $2, 'unknown', 'unbookable', $3::text::jsonb, $4, $5)
ON CONFLICT (partition, item_id) DO UPDATE SET message = $4 WHERE quarantine.state = 'open'
