-- Has whoever gives back what was paid inside wait for who changes the bills of the stay, until the end of the transaction.
-- $1 partition smallint
-- $2 session_id uuid
SELECT FROM session WHERE partition = $1::smallint AND session_id = $2::uuid FOR UPDATE
