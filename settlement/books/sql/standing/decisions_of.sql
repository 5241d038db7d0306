-- What the gates were told of a session, oldest first, with the policies.
-- $1 partition smallint
-- $2 entered_at timestamptz
-- $3 session_id uuid
SELECT
    decided_at, account_id, allowed, limit_fen, reason, expires_at, policy_version_id, rules::text AS rules,
    debt::text AS debt
FROM grant_decision
WHERE partition = $1 AND entered_at = $2 AND session_id = $3
ORDER BY decided_at
