-- Keeps word of a payment for a bill that is not ours, for a person; once.
-- $1 partition smallint
-- $2 item_id text
-- $3 garage_id text
-- $4 details text
-- $5 now timestamptz
INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
VALUES ($1, $2, $3, 'unknown_payment', $4::text::jsonb, $5)
ON CONFLICT (partition, item_id) DO NOTHING
