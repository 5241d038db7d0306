-- I5: a resolved item says how, by whom, and, when it was matched, with a session that exists.
SELECT
    item.item_id,
    format('resolved as %s by %s', resolution, resolved_by) AS explanation
FROM quarantine AS item
LEFT JOIN session
    ON session.partition = item.partition
    AND session.session_id::text = substring(item.note FROM '^session ([0-9a-f-]{36})')
WHERE item.state = 'resolved'
    AND (
        resolution NOT IN (
            'dismiss', 'match', 'confirm', 'paid', 'declined', 'correct', 'candidate', 'fuzzy', 'opposite_camera',
            'reordered', 'taken_back', 'retry'
        )
        OR trim(resolved_by) = ''
        OR (
            resolution IN ('match', 'candidate', 'fuzzy', 'opposite_camera', 'reordered', 'taken_back')
            AND session.session_id IS NULL
        )
    )
LIMIT 100
