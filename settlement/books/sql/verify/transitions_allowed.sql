-- I6: sessions and charges stand where an allowed step has brought them, and what is final waits for nothing.
SELECT
    session_id::text AS item_id,
    format('session: %s by %s to %s', previous_state, last_step, state) AS explanation
FROM session
WHERE (previous_state, last_step, state) NOT IN (
        ('none', 'entered', 'inside'), ('inside', 'left', 'closed'), ('inside', 'entry_undone', 'voided'),
        ('inside', 'superseded', 'superseded'), ('closed', 'exit_undone', 'inside'),
        ('superseded', 'left', 'closed'), ('superseded', 'resumed', 'inside')
    )
    OR (state = 'closed') <> (left_at IS NOT NULL)
    OR (state = 'closed' AND version < 1)
UNION ALL
SELECT
    charge_id::text,
    format('charge: %s by %s to %s after %s attempts, next at %s', previous_state, last_step, state, attempts, next_at)
FROM charge
WHERE (state IN ('due', 'sent', 'accepted', 'in_doubt')) <> (next_at IS NOT NULL)
    OR (state IN ('sent', 'accepted', 'in_doubt', 'review', 'paid', 'unpaid') AND attempts < 1)
    OR attempts <> (
        SELECT count(*) FROM charge_attempt AS attempt
        WHERE attempt.partition = charge.partition AND attempt.charge_id = charge.charge_id
    )
LIMIT 100
