-- Makes the partition of one month, unless it is there: present, made, or occupied (rows of that month
-- already lie in the default partition).
-- $1 parent text
-- $2 month timestamptz
SELECT ensure_month($1, $2)
