-- One session.
-- $1 session_id uuid
SELECT
    session_id, garage_id, number, colour, entered_at, entry_lane_id, tariff_version_id, account_id, state, version,
    left_at, exit_lane_id
FROM session
WHERE session_id = $1
