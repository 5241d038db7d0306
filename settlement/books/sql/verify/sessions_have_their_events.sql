-- I4: the archive holds the entry of every session, and of a closed one an exit that closed it; sessions that
-- began before what is kept of the archive are passed over. The events are taken out of the archive first, so that
-- nothing is looked up row by row, whatever the planner thinks of an archive that nobody has analysed yet.
WITH entry AS MATERIALIZED (
    SELECT DISTINCT garage_id, event_id FROM gate_event
),
closing AS MATERIALIZED (
    SELECT DISTINCT session_id FROM gate_event WHERE kind = 'exit' AND result = 'applied'
)
SELECT
    session.session_id::text AS item_id,
    format('%s; its entry is archived: %s, an exit: %s', state, entry.event_id IS NOT NULL,
        closing.session_id IS NOT NULL) AS explanation
FROM session
CROSS JOIN installation
LEFT JOIN entry ON entry.garage_id = session.garage_id AND entry.event_id = session.entry_event_id
LEFT JOIN closing ON closing.session_id = session.session_id
WHERE (entry.event_id IS NULL OR (state = 'closed' AND closing.session_id IS NULL))
    AND session.entered_at >= coalesce(archived_from, '-infinity')
LIMIT 100
