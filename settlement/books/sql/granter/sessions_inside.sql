-- The sessions inside, at any garage, of some accounts' plates and of the other plates named.
-- $1 account_id uuid[]
-- $2 number text[]
SELECT
    session_id, garage_id, number, colour, entered_at, entry_lane_id, entry_event_id, tariff_version_id, version
FROM session
WHERE state = 'inside'
    AND number = ANY (ARRAY(SELECT number FROM account_plate WHERE account_id = ANY ($1::uuid[])) || $2::text[])
ORDER BY session_id
