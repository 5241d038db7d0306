-- Makes the partition of one month, with the rows of it that lie in the default partition, unless it is
-- there: present or made.
-- $1 parent text
-- $2 month timestamptz
SELECT ensure_month($1, $2)
