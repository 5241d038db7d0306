-- Has charges of an account that can be paid, which the caller has locked, sent at once by its first agreement in force: one
-- that waits for its next try, one that was given up, by the same rail, and one that had no agreement. Answers with those
-- that will be.
-- $1 partition smallint[]
-- $2 charge_id uuid[]
-- $3 account_id uuid
-- $4 now timestamptz
WITH wanted AS (
    SELECT charge.partition, charge.charge_id, charge.state, agreed.rail, agreed.reference
    FROM unnest($1::smallint[], $2::uuid[]) AS w (partition, charge_id)
    JOIN charge USING (partition, charge_id)
    LEFT JOIN LATERAL (
        SELECT agreement.rail, agreement.reference
        FROM agreement
        WHERE agreement.account_id = $3::uuid AND agreement.ended_at IS NULL
            AND agreement.rail = coalesce(charge.rail, agreement.rail)
        ORDER BY agreement.rank
        LIMIT 1
    ) AS agreed ON true
),
hurried AS (
    UPDATE charge SET next_at = least(charge.next_at, $4::timestamptz)
    FROM wanted
    WHERE charge.partition = wanted.partition AND charge.charge_id = wanted.charge_id AND wanted.state = 'due'
    RETURNING charge.charge_id
),
opened AS (
    UPDATE charge SET
        state = 'due', previous_state = charge.state,
        last_step = CASE WHEN wanted.state = 'unpaid' THEN 'reopened' ELSE 'assigned' END,
        rail = wanted.rail, agreement = wanted.reference, next_at = $4::timestamptz, moved_at = $4::timestamptz
    FROM wanted
    WHERE charge.partition = wanted.partition AND charge.charge_id = wanted.charge_id
        AND wanted.state IN ('unpaid', 'unassigned') AND wanted.rail IS NOT NULL
    RETURNING charge.charge_id
)
SELECT charge_id FROM hurried
UNION ALL
SELECT charge_id FROM opened
