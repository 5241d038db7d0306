-- The plate numbers of what was archived late of a garage; tokens stand for no car that another camera could see.
-- $1 garage_id text
-- $2 since timestamptz
-- $3 until timestamptz
SELECT DISTINCT number
FROM gate_event
WHERE garage_id = $1 AND archived_at > $2 AND archived_at <= $3
    AND reason IN ('late', 'offline_grant', 'grant_refused', 'outage_policy')
    AND NOT starts_with(event_id, 'resolve:') AND number <> '' AND token_digest IS NULL
ORDER BY number
