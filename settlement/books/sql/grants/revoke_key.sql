-- Notes that what a key has signed counts for nothing any more, which every gate then knows; no row when it is not known or
-- was revoked before.
-- $1 key_id text
-- $2 now timestamptz
WITH revoked AS (
    UPDATE grant_key
    SET revoked_at = $2::timestamptz, retired_at = coalesce(retired_at, $2::timestamptz)
    WHERE key_id = $1 AND revoked_at IS NULL
    RETURNING key_id
),
told AS (
    UPDATE config_revision SET revision = revision + 1 WHERE EXISTS (SELECT FROM revoked)
)
SELECT key_id FROM revoked
