-- Drops what was told of visits that are over and old.
-- $1 recipient text
-- $2 before timestamptz
DELETE FROM reported_visit WHERE recipient = $1::text AND NOT is_open AND entered_at < $2::timestamptz
