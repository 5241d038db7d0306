-- The migrations that this database has seen, oldest first.
SELECT number, name, checksum FROM schema_migration ORDER BY number
