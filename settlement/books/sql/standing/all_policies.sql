-- Every policy that is or was in force or will be, latest first.
SELECT operator_id, in_force_from, policy_version_id, definition
FROM standing_policy_use
JOIN standing_policy USING (policy_version_id)
ORDER BY operator_id, in_force_from DESC
