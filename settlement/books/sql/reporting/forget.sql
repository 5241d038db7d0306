-- Drops what was told of visits that are old and have left, also of those that nobody has paid by now.
-- $1 recipient text
-- $2 before timestamptz
DELETE FROM reported_visit
WHERE recipient = $1::text AND entered_at < $2::timestamptz AND (NOT is_open OR bill_id IS NOT NULL)
