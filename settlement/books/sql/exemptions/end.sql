-- Ends an entry of a list of exemptions, once; no row without such an entry.
-- $1 exemption_id text
-- $2 ended_by text
-- $3 now timestamptz
WITH ended AS (
    UPDATE exemption SET ended_by = $2::text, ended_at = $3::timestamptz
    WHERE exemption_id = $1::text AND ended_at IS NULL
)
SELECT number FROM exemption WHERE exemption_id = $1::text
