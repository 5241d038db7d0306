-- What was archived of some plate numbers at a garage; of an event that waited for a person, whether it is settled. One
-- that was put in order is a passage still: a bill may end at it. What was reported from the future is a person's.
-- $1 partition smallint
-- $2 garage_id text
-- $3 numbers text[]
-- $4 since timestamptz
SELECT event.event_id, event.lane_id, event.kind, event.captured_at, event.number, event.colour,
       round(event.confidence * 1000)::integer AS permille, event.verdict, event.reason, event.result,
       event.session_id, coalesce(item.resolution <> 'reordered', false) AS settled
FROM gate_event AS event
LEFT JOIN quarantine AS item ON item.partition = event.partition AND event.result = 'quarantined'
    AND item.item_id = 'event:' || event.garage_id || '/' || event.event_id
WHERE event.partition = $1 AND event.garage_id = $2 AND event.number = ANY ($3::text[]) AND event.captured_at >= $4
    AND (event.result <> 'quarantined' OR event.captured_at <= event.archived_at + interval '2 minutes')
