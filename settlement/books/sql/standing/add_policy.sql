-- Puts a policy in force for an operator ('*': for all) from a moment; answers with the one on record for that
-- moment. What is on record is never replaced: decisions were made by it.
-- $1 operator_id text
-- $2 in_force_from timestamptz
-- $3 policy_version_id text
-- $4 definition text
-- $5 now timestamptz
WITH recorded AS (
    SELECT policy_version_id
    FROM standing_policy_use
    WHERE operator_id = $1::text AND in_force_from = $2::timestamptz
),
defined AS (
    INSERT INTO standing_policy (policy_version_id, definition, added_at)
    SELECT $3::text, $4::text, $5::timestamptz
    WHERE NOT EXISTS (SELECT FROM recorded)
    ON CONFLICT (policy_version_id) DO NOTHING
),
used AS (
    INSERT INTO standing_policy_use (operator_id, in_force_from, policy_version_id)
    SELECT $1::text, $2::timestamptz, $3::text
    WHERE NOT EXISTS (SELECT FROM recorded)
    ON CONFLICT (operator_id, in_force_from) DO NOTHING
    RETURNING policy_version_id
)
SELECT coalesce((SELECT policy_version_id FROM used), (SELECT policy_version_id FROM recorded)) AS policy_version_id
