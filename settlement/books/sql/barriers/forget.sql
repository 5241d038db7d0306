-- Lets go of barrier records from before a moment.
-- $1 before timestamptz
DELETE FROM barrier_record WHERE at < $1::timestamptz
