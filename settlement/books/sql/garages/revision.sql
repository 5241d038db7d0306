-- The revision of what the gates must know, and the number of partitions.
SELECT config_revision.revision, installation.partition_count
FROM config_revision, installation
