-- Puts a tariff in force at a garage from a moment; answers with the one on record for that moment and
-- whether there is such a garage. What is on record is never replaced: cars inside may be priced by it.
-- $1 partition smallint
-- $2 garage_id text
-- $3 in_force_from timestamptz
-- $4 tariff_version_id text
-- $5 definition text
-- $6 now timestamptz
WITH found AS (
    SELECT partition, garage_id FROM garage WHERE partition = $1::smallint AND garage_id = $2::text
),
recorded AS (
    SELECT tariff_version_id
    FROM garage_tariff
    WHERE partition = $1::smallint AND garage_id = $2::text AND in_force_from = $3::timestamptz
),
defined AS (
    INSERT INTO tariff_version (tariff_version_id, definition, added_at)
    SELECT $4::text, $5::text, $6::timestamptz
    FROM found
    WHERE NOT EXISTS (SELECT FROM recorded)
    ON CONFLICT (tariff_version_id) DO NOTHING
),
priced AS (
    INSERT INTO garage_tariff (partition, garage_id, in_force_from, tariff_version_id)
    SELECT partition, garage_id, $3::timestamptz, $4::text
    FROM found
    ON CONFLICT (partition, garage_id, in_force_from) DO NOTHING
    RETURNING tariff_version_id
),
bumped AS (
    UPDATE config_revision SET revision = revision + 1 WHERE EXISTS (SELECT FROM priced)
)
SELECT
    EXISTS (SELECT FROM found) AS found,
    coalesce((SELECT tariff_version_id FROM priced), (SELECT tariff_version_id FROM recorded)) AS recorded
