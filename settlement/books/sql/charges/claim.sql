-- Takes due charges of one rail for sending and saves the key of each attempt, all before the rail is
-- called. A charge that the rail had not received keeps its attempt, and so its key; its outcome is open again. A key is 32 letters
-- and digits, which every rail accepts: 28 of the charge's id and four of the attempt's number.
-- $1 now timestamptz
-- $2 rail text
-- $3 claimed_max bigint
-- $4 lease interval
WITH picked AS MATERIALIZED (
    SELECT partition, charge_id
    FROM charge
    WHERE next_at <= $1::timestamptz AND state = 'due' AND rail = $2::text
    ORDER BY next_at
    LIMIT $3::bigint
    FOR NO KEY UPDATE SKIP LOCKED
), moved AS (
    UPDATE charge
    SET previous_state = charge.state,
        last_step = 'sent',
        state = 'sent',
        attempts = charge.attempts + CASE WHEN charge.same_attempt THEN 0 ELSE 1 END,
        asked = CASE WHEN charge.same_attempt THEN charge.asked ELSE 0 END,
        same_attempt = false,
        next_at = $1::timestamptz + $4::interval,
        moved_at = $1::timestamptz
    FROM picked
    WHERE charge.partition = picked.partition AND charge.charge_id = picked.charge_id
    RETURNING charge.*
), saved AS (
    INSERT INTO charge_attempt AS attempt (partition, charge_id, attempt_no, attempt_key, sent_at)
    SELECT partition, charge_id, attempts,
           left(encode(uuid_send(charge_id), 'hex'), 28) || lpad(to_hex(attempts::integer), 4, '0'),
           $1::timestamptz
    FROM moved
    ON CONFLICT (partition, charge_id, attempt_no) DO UPDATE SET sent_at = EXCLUDED.sent_at, outcome = NULL
    RETURNING attempt.partition, attempt.charge_id, attempt.attempt_no, attempt.attempt_key, attempt.outcome
)
SELECT partition, charge_id, direction, garage_id, bill_id, session_id, account_id, rail, agreement,
       amount_fen, state, attempts, asked, void_requested, last_code, raised_at, next_at,
       attempt_no, attempt_key, outcome
FROM moved
JOIN saved USING (partition, charge_id)
