-- Lets one process at a time migrate this database; held until the connection closes.
-- $1 key bigint
SELECT pg_advisory_lock($1)
