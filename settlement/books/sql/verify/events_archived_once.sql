-- I4: an event of a garage is in the archive once.
SELECT
    format('%s/%s', garage_id, event_id) AS item_id,
    format('archived %s times', count(*)) AS explanation
FROM gate_event
GROUP BY garage_id, event_id
HAVING count(*) > 1
LIMIT 100
