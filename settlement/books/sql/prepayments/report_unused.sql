-- Puts a prepayment that came after its car had left before a person, once.
-- $1 partition smallint
-- $2 item_id text
-- $3 garage_id text
-- $4 details text
-- $5 now timestamptz
INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
VALUES ($1, $2, $3, 'prepaid_after_exit', $4::text::jsonb, $5)
ON CONFLICT (partition, item_id) DO NOTHING
