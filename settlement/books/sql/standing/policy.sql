-- One version of a policy.
-- $1 policy_version_id text
SELECT definition FROM standing_policy WHERE policy_version_id = $1
