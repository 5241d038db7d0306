-- Revokes a token; one that is revoked already keeps its moment. No row: there is no such token.
-- $1 token_id text
-- $2 now timestamptz
WITH revoked AS (
    UPDATE access_token
    SET revoked_at = coalesce(revoked_at, $2::timestamptz)
    WHERE token_id = $1::text
    RETURNING kind, revoked_at
),
bumped AS (
    UPDATE config_revision SET revision = revision + 1 WHERE EXISTS (SELECT FROM revoked WHERE kind = 'controller')
)
SELECT kind, revoked_at FROM revoked
