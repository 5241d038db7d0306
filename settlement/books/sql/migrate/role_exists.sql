-- Whether a role of this name exists in the cluster.
-- $1 name text
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1::text)
