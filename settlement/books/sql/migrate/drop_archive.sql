-- Drops the archive of gate events before the beginning of a month; the names of the months it dropped.
-- $1 kept_from timestamptz
SELECT drop_archive_before($1)
