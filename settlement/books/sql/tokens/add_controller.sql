-- Adds a controller's token, if its garage has all the lanes and no other device is known to a broker by its serial
-- number; says what of that is so.
-- $1 token_id text
-- $2 secret_sha256 bytea
-- $3 garage_id text
-- $4 controller_id text
-- $5 lane_ids text[]
-- $6 label text
-- $7 now timestamptz
-- $8 device text
WITH found AS (
    SELECT garage.garage_id, array_agg(lane.lane_id) @> $5::text[] AS has_lanes
    FROM garage
    LEFT JOIN lane USING (partition, garage_id)
    WHERE garage.garage_id = $3::text
    GROUP BY garage.garage_id
),
taken AS (
    SELECT FROM access_token AS other, (SELECT $8::text::jsonb AS device) AS given
    WHERE
        other.revoked_at IS NULL
        AND given.device ->> 'proof' = 'broker'
        AND other.device ->> 'proof' = 'broker'
        AND other.device ->> 'protocol' = given.device ->> 'protocol'
        AND other.device ->> 'serial' = given.device ->> 'serial'
),
added AS (
    INSERT INTO access_token (
        token_id, secret_sha256, kind, garage_id, controller_id, lane_ids, label, added_at, device
    )
    SELECT
        $1::text, $2::bytea, 'controller', garage_id, $4::text, $5::text[], $6::text, $7::timestamptz,
        $8::text::jsonb
    FROM found
    WHERE has_lanes AND NOT EXISTS (SELECT FROM taken)
    RETURNING token_id
),
bumped AS (
    UPDATE config_revision SET revision = revision + 1 WHERE EXISTS (SELECT FROM added)
)
SELECT
    EXISTS (SELECT FROM found) AS found, EXISTS (SELECT FROM taken) AS taken, EXISTS (SELECT FROM added) AS added
