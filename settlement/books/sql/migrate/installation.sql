-- The facts recorded at the first start.
SELECT product, partition_count, installed_at FROM installation
