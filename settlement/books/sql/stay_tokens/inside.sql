-- The cars without a plate that are inside a garage and came in within a span, the first in first: with the picture of
-- the entry, the account that the stay is bound to, and how often the token was replaced.
-- $1 partition smallint
-- $2 garage_id text
-- $3 entered_from timestamptz
-- $4 entered_until timestamptz
-- $5 limit bigint
SELECT
    session.session_id, session.number, session.entered_at, session.entry_lane_id, gate_event.image_reference,
    (
        SELECT account_plate.account_id
        FROM account_plate
        WHERE account_plate.number = session.number AND account_plate.colour = session.colour
    ) AS account_id,
    (
        SELECT count(*)
        FROM stay_token_replacement
        WHERE stay_token_replacement.partition = session.partition
            AND stay_token_replacement.session_id = session.session_id
    ) AS replaced
FROM session
LEFT JOIN gate_event ON gate_event.partition = session.partition AND gate_event.captured_at = session.entered_at
    AND gate_event.garage_id = session.garage_id AND gate_event.event_id = session.entry_event_id
WHERE session.partition = $1 AND session.garage_id = $2 AND session.state = 'inside'
    AND session.number ~ '^无[A-Z0-9]{15}$' AND session.entered_at BETWEEN $3 AND $4
ORDER BY session.entered_at, session.session_id
LIMIT $5
