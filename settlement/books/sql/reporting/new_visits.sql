-- Visits at some garages that began since a moment and are not numbered for a recipient, oldest first. Those that
-- are over and were never reported to be inside are left out: there is nothing to tell.
-- $1 recipient text
-- $2 partition smallint[]
-- $3 garage_id text[]
-- $4 since timestamptz
-- $5 limit bigint
SELECT
    partition, session_id, garage_id, number, colour, entered_at, entry_lane_id, entry_event_id,
    (
        SELECT image_reference
        FROM gate_event
        WHERE gate_event.partition = session.partition AND captured_at = session.entered_at
            AND gate_event.garage_id = session.garage_id AND event_id = session.entry_event_id
    ) AS entry_image
FROM session
WHERE partition = ANY ($2::smallint[]) AND entered_at >= $4::timestamptz AND garage_id = ANY ($3::text[])
    AND state IN ('inside', 'closed')
    AND NOT EXISTS (
        SELECT
        FROM reported_visit AS visit
        WHERE visit.partition = session.partition AND visit.recipient = $1::text
            AND visit.session_id = session.session_id
    )
ORDER BY entered_at, session_id
LIMIT $5::bigint
