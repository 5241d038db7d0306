-- Has whoever says what he saw paid for a session wait for one another, until the end of the transaction.
-- $1 session_id uuid
SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))
