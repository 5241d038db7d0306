-- Records what the gates are told of cars inside and why, where it differs from what was recorded last; a later
-- decision of the same moment is dated a microsecond after the earlier one.
-- $1 partition smallint[]
-- $2 entered_at timestamptz[]
-- $3 session_id uuid[]
-- $4 garage_id text[]
-- $5 account_id uuid[]
-- $6 allowed boolean[]
-- $7 limit_fen bigint[]
-- $8 reason text[]
-- $9 expires_at timestamptz[]
-- $10 policy_version_id text[]
-- $11 rules text[]
-- $12 debt text[]
-- $13 now timestamptz
WITH given AS (
    SELECT
        g.partition, g.entered_at, g.session_id, g.garage_id, g.account_id, g.allowed, g.limit_fen, g.reason,
        g.expires_at, g.policy_version_id, g.rules::jsonb AS rules, g.debt::jsonb AS debt
    FROM unnest(
        $1::smallint[], $2::timestamptz[], $3::uuid[], $4::text[], $5::uuid[], $6::boolean[], $7::bigint[],
        $8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::text[]
    ) AS g (
        partition, entered_at, session_id, garage_id, account_id, allowed, limit_fen, reason, expires_at,
        policy_version_id, rules, debt
    )
)
INSERT INTO grant_decision (
    partition, entered_at, session_id, decided_at, garage_id, account_id, allowed, limit_fen, reason, expires_at,
    policy_version_id, rules, debt
)
SELECT
    given.partition, given.entered_at, given.session_id,
    greatest($13::timestamptz, last.decided_at + interval '1 microsecond'),
    given.garage_id, given.account_id, given.allowed, given.limit_fen, given.reason, given.expires_at,
    given.policy_version_id, given.rules, given.debt
FROM given
LEFT JOIN LATERAL (
    SELECT decided_at, account_id, allowed, limit_fen, reason, policy_version_id, rules, debt
    FROM grant_decision AS earlier
    WHERE earlier.partition = given.partition AND earlier.entered_at = given.entered_at
        AND earlier.session_id = given.session_id
    ORDER BY earlier.decided_at DESC
    LIMIT 1
) AS last ON true
WHERE (last.account_id, last.allowed, last.limit_fen, last.reason, last.policy_version_id, last.rules, last.debt)
    IS DISTINCT FROM
    (given.account_id, given.allowed, given.limit_fen, given.reason, given.policy_version_id, given.rules, given.debt)
ON CONFLICT (partition, entered_at, session_id, decided_at) DO NOTHING
