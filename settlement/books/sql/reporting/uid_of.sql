-- The number of a visit at a recipient.
-- $1 partition smallint
-- $2 recipient text
-- $3 session_id uuid
SELECT uid FROM reported_visit WHERE partition = $1 AND recipient = $2 AND session_id = $3
