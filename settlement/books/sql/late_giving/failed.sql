-- What a closing was given could not be settled now: others go first.
-- $1 partition smallint
-- $2 session_id uuid
-- $3 version integer
-- $4 now timestamptz
UPDATE unknown_benefits SET failed_at = $4
WHERE partition = $1 AND session_id = $2 AND version = $3
