-- I5: a stay whose end nobody saw is on the list of a person, open or resolved.
SELECT
    session_id::text AS item_id,
    'entered again without an exit, and on nobody''s list' AS explanation
FROM session
WHERE state = 'superseded'
    AND NOT EXISTS (
        SELECT FROM quarantine
        WHERE quarantine.partition = session.partition AND quarantine.item_id = 'session:' || session.session_id
    )
LIMIT 100
