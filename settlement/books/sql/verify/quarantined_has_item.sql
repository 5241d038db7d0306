-- I4: a quarantined event is on the list of a person, open or resolved.
SELECT
    format('%s/%s', garage_id, event_id) AS item_id,
    'quarantined, and on nobody''s list' AS explanation
FROM gate_event AS event
WHERE result = 'quarantined'
    AND NOT EXISTS (
        SELECT FROM quarantine
        WHERE quarantine.partition = event.partition
            AND quarantine.item_id = format('event:%s/%s', event.garage_id, event.event_id)
    )
LIMIT 100
