-- Adds a garage or replaces its name, spaces, policy, operator, position and lanes; adds versions of its price list. When one of
-- these begins at a moment from which another tariff is on record, nothing is changed and the answer says so.
-- $1 partition smallint
-- $2 garage_id text
-- $3 name text
-- $4 spaces integer
-- $5 policy text
-- $6 lane_ids text[]
-- $7 directions text[]
-- $8 starts timestamptz[]
-- $9 tariff_version_ids text[]
-- $10 definitions text[]
-- $11 now timestamptz
-- $12 operator_id text
-- $13 latitude_microdegrees integer
-- $14 longitude_microdegrees integer
WITH version AS (
    SELECT in_force_from, tariff_version_id, definition
    FROM unnest($8::timestamptz[], $9::text[], $10::text[]) AS v (in_force_from, tariff_version_id, definition)
),
clash AS (
    SELECT version.in_force_from
    FROM version
    JOIN garage_tariff ON garage_tariff.partition = $1::smallint AND garage_tariff.garage_id = $2::text
        AND garage_tariff.in_force_from = version.in_force_from
    WHERE garage_tariff.tariff_version_id <> version.tariff_version_id
),
put AS (
    INSERT INTO garage (
        partition, garage_id, name, spaces, policy, added_at, operator_id, latitude_microdegrees, longitude_microdegrees
    )
    SELECT
        $1::smallint, $2::text, $3::text, $4::integer, $5::text::jsonb, $11::timestamptz, $12::text, $13::integer,
        $14::integer
    WHERE NOT EXISTS (SELECT FROM clash)
    ON CONFLICT (partition, garage_id) DO UPDATE SET
        name = excluded.name, spaces = excluded.spaces, policy = excluded.policy, operator_id = excluded.operator_id,
        latitude_microdegrees = excluded.latitude_microdegrees, longitude_microdegrees = excluded.longitude_microdegrees
    RETURNING partition, garage_id
),
removed AS (
    DELETE FROM lane
    USING put
    WHERE lane.partition = put.partition AND lane.garage_id = put.garage_id AND lane.lane_id <> ALL ($6::text[])
),
laid AS (
    INSERT INTO lane (partition, garage_id, lane_id, direction)
    SELECT put.partition, put.garage_id, given.lane_id, given.direction
    FROM put, unnest($6::text[], $7::text[]) AS given (lane_id, direction)
    ON CONFLICT (partition, garage_id, lane_id) DO UPDATE SET direction = excluded.direction
),
defined AS (
    INSERT INTO tariff_version (tariff_version_id, definition, added_at)
    SELECT version.tariff_version_id, version.definition, $11::timestamptz
    FROM put, version
    ON CONFLICT (tariff_version_id) DO NOTHING
),
priced AS (
    INSERT INTO garage_tariff (partition, garage_id, in_force_from, tariff_version_id)
    SELECT put.partition, put.garage_id, version.in_force_from, version.tariff_version_id
    FROM put, version
    ON CONFLICT (partition, garage_id, in_force_from) DO NOTHING
),
bumped AS (
    UPDATE config_revision
    SET revision = revision + 1
    WHERE EXISTS (SELECT FROM put)
    RETURNING revision
)
SELECT revision FROM bumped
