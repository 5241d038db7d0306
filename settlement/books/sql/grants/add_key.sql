-- Publishes the public half of a new key, which every gate then knows.
-- $1 key_id text
-- $2 public_key bytea
-- $3 now timestamptz
WITH added AS (
    INSERT INTO grant_key (key_id, public_key, made_at)
    VALUES ($1::text, $2::bytea, $3::timestamptz)
    RETURNING key_id
)
UPDATE config_revision SET revision = revision + 1 WHERE EXISTS (SELECT FROM added)
