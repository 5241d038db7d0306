-- The policy that decides at each operator's garages at a moment; '*' is where an operator has none of its own.
-- $1 now timestamptz
SELECT DISTINCT ON (operator_id) operator_id, standing_policy.definition
FROM standing_policy_use
JOIN standing_policy USING (policy_version_id)
WHERE in_force_from <= $1
ORDER BY operator_id, in_force_from DESC
