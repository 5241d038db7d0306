-- Takes charges of one rail to ask about: doubts, accepted ones, and those sent by a process that died.
-- The last become doubts by that; they are left alone while the caller says so, and charges in the
-- caller's own hands always.
-- $1 now timestamptz
-- $2 rail text
-- $3 claimed_max bigint
-- $4 lease interval
-- $5 with_sent boolean
-- $6 in_hand uuid[]
WITH picked AS MATERIALIZED (
    SELECT partition, charge_id
    FROM charge
    WHERE next_at <= $1::timestamptz
      AND rail = $2::text
      AND (state IN ('accepted', 'in_doubt') OR (state = 'sent' AND $5::boolean))
      AND charge_id <> ALL ($6::uuid[])
    ORDER BY next_at
    LIMIT $3::bigint
    FOR NO KEY UPDATE SKIP LOCKED
), moved AS (
    UPDATE charge
    SET previous_state = CASE charge.state WHEN 'sent' THEN charge.state ELSE charge.previous_state END,
        last_step = CASE charge.state WHEN 'sent' THEN 'lost_sight' ELSE charge.last_step END,
        state = CASE charge.state WHEN 'sent' THEN 'in_doubt' ELSE charge.state END,
        moved_at = CASE charge.state WHEN 'sent' THEN $1::timestamptz ELSE charge.moved_at END,
        asked = charge.asked + 1,
        next_at = $1::timestamptz + $4::interval
    FROM picked
    WHERE charge.partition = picked.partition AND charge.charge_id = picked.charge_id
    RETURNING charge.*
)
SELECT partition, charge_id, direction, garage_id, bill_id, session_id, account_id, rail, agreement,
       amount_fen, state, attempts, asked, void_requested, last_code, raised_at, next_at,
       attempt_no, attempt_key, outcome
FROM moved
JOIN charge_attempt USING (partition, charge_id)
WHERE attempt_no = attempts
