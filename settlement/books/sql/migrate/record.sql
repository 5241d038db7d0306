-- Notes that a migration has been applied.
-- $1 number integer
-- $2 name text
-- $3 checksum text
-- $4 applied_at timestamptz
INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)
