-- The garages of which something was archived late, and when the last of it was. What settlement has made of it does
-- not count.
-- $1 since timestamptz
SELECT garage_id, max(archived_at) AS last_at
FROM gate_event
WHERE archived_at > $1 AND reason IN ('late', 'offline_grant', 'grant_refused', 'outage_policy')
    AND NOT starts_with(event_id, 'resolve:')
GROUP BY garage_id
ORDER BY garage_id
