-- Posts what rails answered: the charges, their attempts, the ledger, refunds that became due, and an item for
-- a person for a charge whose outcome asking has not told, and for a refund that its rail will not pay. A move
-- counts only while its charge is as it was when the move was decided; which ones counted comes back.
-- One row of $2 to $14 is one move; one row of $15 to $24 is one ledger entry, posted if its move counts.
-- $1 now timestamptz
-- $2 partition smallint[]
-- $3 charge_id uuid[]
-- $4 attempt_no smallint[]
-- $5 known_state text[]
-- $6 known_void_requested boolean[]
-- $7 step text[]
-- $8 state text[]
-- $9 next_at timestamptz[]
-- $10 same_attempt boolean[]
-- $11 outcome text[]
-- $12 code text[]
-- $13 rail_reference text[]
-- $14 refund_charge_id uuid[]
-- $15 entry_of_charge_id uuid[]
-- $16 transaction_id uuid[]
-- $17 line smallint[]
-- $18 kind text[]
-- $19 debit_account text[]
-- $20 credit_account text[]
-- $21 amount_fen bigint[]
-- $22 garage_id text[]
-- $23 bill_id uuid[]
-- $24 entry_charge_id uuid[]
WITH move AS MATERIALIZED (
    SELECT *
    FROM unnest(
        $2::smallint[], $3::uuid[], $4::smallint[], $5::text[], $6::boolean[], $7::text[], $8::text[],
        $9::timestamptz[], $10::boolean[], $11::text[], $12::text[], $13::text[], $14::uuid[]
    ) AS move (partition, charge_id, attempt_no, known_state, known_void_requested, step, state, next_at,
             same_attempt, outcome, code, rail_reference, refund_charge_id)
), held AS MATERIALIZED (
    SELECT charge.partition, charge.charge_id
    FROM move
    JOIN charge USING (partition, charge_id)
    WHERE charge.state = move.known_state
      AND charge.void_requested = move.known_void_requested
      AND charge.attempts = move.attempt_no
    ORDER BY charge.partition, charge.charge_id
    FOR NO KEY UPDATE OF charge
), moved AS (
    UPDATE charge
    SET previous_state = CASE WHEN move.step IS NULL THEN charge.previous_state ELSE charge.state END,
        last_step = COALESCE(move.step, charge.last_step),
        state = move.state,
        next_at = move.next_at,
        same_attempt = move.same_attempt,
        last_code = CASE WHEN move.step IS NULL THEN charge.last_code ELSE move.code END,
        moved_at = CASE WHEN move.step IS NULL THEN charge.moved_at ELSE $1::timestamptz END
    FROM held
    JOIN move USING (partition, charge_id)
    WHERE charge.partition = held.partition
      AND charge.charge_id = held.charge_id
      AND charge.state = move.known_state
      AND charge.void_requested = move.known_void_requested
      AND charge.attempts = move.attempt_no
    RETURNING charge.*, move.outcome, move.rail_reference, move.refund_charge_id
), answered AS (
    UPDATE charge_attempt AS attempt
    SET outcome = COALESCE(moved.outcome, attempt.outcome),
        answered_at = $1::timestamptz,
        code = COALESCE(moved.last_code, attempt.code),
        rail_reference = COALESCE(moved.rail_reference, attempt.rail_reference)
    FROM moved
    WHERE attempt.partition = moved.partition
      AND attempt.charge_id = moved.charge_id
      AND attempt.attempt_no = moved.attempts
), refund AS (
    INSERT INTO charge (partition, charge_id, direction, garage_id, bill_id, session_id, account_id, rail,
                        agreement, amount_fen, state, previous_state, last_step, raised_at, next_at, moved_at)
    SELECT partition, refund_charge_id, 'refund', garage_id, bill_id, session_id, account_id, rail,
           agreement, amount_fen, 'due', 'none', 'raised', $1::timestamptz, $1::timestamptz, $1::timestamptz
    FROM moved
    WHERE refund_charge_id IS NOT NULL
), item AS (
    INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
    SELECT moved.partition,
           CASE moved.state WHEN 'review' THEN 'charge:' ELSE 'refund:' END || moved.charge_id,
           moved.garage_id,
           CASE moved.state WHEN 'review' THEN 'charge_review' ELSE 'refund_unpaid' END,
           jsonb_build_object(
               'charge_id', moved.charge_id, 'bill_id', moved.bill_id, 'session_id', moved.session_id,
               'account_id', moved.account_id, 'direction', moved.direction, 'rail', moved.rail,
               'amount_fen', moved.amount_fen, 'code', moved.last_code, 'attempt_key', attempt.attempt_key,
               'rail_reference', COALESCE(moved.rail_reference, attempt.rail_reference)
           ),
           $1::timestamptz
    FROM moved
    JOIN charge_attempt AS attempt ON attempt.partition = moved.partition
        AND attempt.charge_id = moved.charge_id AND attempt.attempt_no = moved.attempts
    WHERE moved.state = 'review' OR (moved.direction = 'refund' AND moved.state = 'unpaid')
    ON CONFLICT (partition, item_id) DO NOTHING
), entry AS MATERIALIZED (
    SELECT moved.partition, entry.*
    FROM unnest(
        $15::uuid[], $16::uuid[], $17::smallint[], $18::text[], $19::text[], $20::text[], $21::bigint[],
        $22::text[], $23::uuid[], $24::uuid[]
    ) AS entry (of_charge_id, transaction_id, line, kind, debit_account, credit_account, amount_fen,
              garage_id, bill_id, charge_id)
    JOIN moved ON moved.charge_id = entry.of_charge_id
), posted AS (
    INSERT INTO ledger_entry (partition, posted_at, transaction_id, line, kind, debit_account,
                              credit_account, amount_fen, garage_id, bill_id, charge_id)
    SELECT partition, $1::timestamptz, transaction_id, line, kind, debit_account,
           credit_account, amount_fen, garage_id, bill_id, charge_id
    FROM entry
), delta AS (
    SELECT partition, debit_account AS account, amount_fen AS debit_fen, 0 AS credit_fen FROM entry
    UNION ALL
    SELECT partition, credit_account, 0, amount_fen FROM entry
), balanced AS (
    INSERT INTO ledger_account AS balance (partition, account, debit_fen, credit_fen)
    SELECT partition, account, sum(debit_fen), sum(credit_fen)
    FROM delta
    GROUP BY partition, account
    ORDER BY partition, account
    ON CONFLICT (partition, account) DO UPDATE
    SET debit_fen = balance.debit_fen + EXCLUDED.debit_fen,
        credit_fen = balance.credit_fen + EXCLUDED.credit_fen
)
SELECT charge_id FROM moved
