-- Sessions of a garage, latest entry first, before a place in that order.
-- $1 partition smallint
-- $2 garage_id text
-- $3 states text[]
-- $4 entered_from timestamptz
-- $5 before_entered_at timestamptz
-- $6 before_session_id uuid
-- $7 limit bigint
SELECT
    session_id, garage_id, number, colour, entered_at, entry_lane_id, tariff_version_id, account_id, state, version,
    left_at, exit_lane_id
FROM session
WHERE partition = $1 AND garage_id = $2 AND state = ANY ($3)
    AND entered_at >= $4 AND entered_at <= $5 AND (entered_at, session_id) < ($5, $6)
ORDER BY entered_at DESC, session_id DESC
LIMIT $7
