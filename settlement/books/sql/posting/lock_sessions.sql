-- Locks sessions until the end of the transaction. Who takes a bill back takes this lock before he looks for the
-- bill, so that a correction and an undone exit each see what the other has done.
-- $1 partition smallint[]
-- $2 entered_at timestamptz[]
-- $3 session_id uuid[]
SELECT session_id, state, version
FROM session
WHERE (partition, entered_at, session_id) IN (
    SELECT * FROM unnest($1::smallint[], $2::timestamptz[], $3::uuid[]) AS s (partition, entered_at, session_id)
)
ORDER BY partition, entered_at, session_id
FOR UPDATE
