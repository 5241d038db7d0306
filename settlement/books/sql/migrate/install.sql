-- Records the facts that stay for the life of an installation, the first time only.
-- $1 partition_count smallint
-- $2 installed_at timestamptz
INSERT INTO installation (product, partition_count, installed_at)
VALUES ('leave-first', $1, $2)
ON CONFLICT (only_row) DO NOTHING
