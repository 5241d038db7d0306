-- Books one segment of journal records, exactly once.
--
-- The archive decides: a record whose event is archived here for the first time is fresh, and only the
-- rows of fresh records have any further effect. Everything happens in this one statement or not at all.
-- Sessions only move forward, so a record that comes late does not take them back; balances are moved by
-- one sum per account, in the order of their keys.
--
-- Membership is tested as "(... IN ...) IS TRUE", which is looked up in a hash table whatever the planner
-- thinks of the size of an array.
--
-- The events:
-- $1 partition smallint[]
-- $2 captured_at timestamptz[]
-- $3 garage_id text[]
-- $4 event_id text[]
-- $5 lane_id text[]
-- $6 kind text[]
-- $7 received_at timestamptz[]
-- $8 number text[]
-- $9 colour text[]
-- $10 confidence double precision[]
-- $11 candidates text[]
-- $12 offline boolean[]
-- $13 verdict text[]
-- $14 reason text[]
-- $15 amount_fen bigint[]
-- $16 limit_fen bigint[]
-- $17 result text[]
-- $18 session_id uuid[]
-- The steps of sessions, with bill and charge:
-- $19 record_no integer[]
-- $20 partition smallint[]
-- $21 entered_at timestamptz[]
-- $22 session_id uuid[]
-- $23 garage_id text[]
-- $24 number text[]
-- $25 colour text[]
-- $26 entry_lane_id text[]
-- $27 entry_event_id text[]
-- $28 tariff_version_id text[]
-- $29 account_id uuid[]
-- $30 state text[]
-- $31 previous_state text[]
-- $32 last_step text[]
-- $33 version integer[]
-- $34 left_at timestamptz[]
-- $35 exit_lane_id text[]
-- $36 bill_id uuid[]
-- $37 amount_fen bigint[]
-- $38 prepaid_fen bigint[]
-- $39 reason text[]
-- $40 proof text[]
-- $41 charge_id uuid[]
-- $42 collect_from uuid[]
-- $43 collect_at timestamptz[]
-- The ledger entries:
-- $44 record_no integer[]
-- $45 partition smallint[]
-- $46 transaction_id uuid[]
-- $47 line smallint[]
-- $48 kind text[]
-- $49 debit_account text[]
-- $50 credit_account text[]
-- $51 amount_fen bigint[]
-- $52 garage_id text[]
-- $53 bill_id uuid[]
-- The items for a person:
-- $54 record_no integer[]
-- $55 partition smallint[]
-- $56 item_id text[]
-- $57 garage_id text[]
-- $58 cause text[]
-- $59 details text[]
-- $60 opened_at timestamptz[]
-- And when:
-- $61 now timestamptz
WITH event AS (
    SELECT *
    FROM unnest(
        $1::smallint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
        $8::text[], $9::text[], $10::double precision[], $11::text[], $12::boolean[], $13::text[], $14::text[],
        $15::bigint[], $16::bigint[], $17::text[], $18::uuid[]
    ) WITH ORDINALITY AS e (
        partition, captured_at, garage_id, event_id, lane_id, kind, received_at, number, colour, confidence,
        candidates, offline, verdict, reason, amount_fen, limit_fen, result, session_id, record_no
    )
),
archived AS (
    INSERT INTO gate_event (
        partition, captured_at, garage_id, event_id, lane_id, kind, received_at, number, colour, confidence,
        candidates, offline, verdict, reason, amount_fen, limit_fen, result, session_id, archived_at
    )
    SELECT
        partition, captured_at, garage_id, event_id, lane_id, kind, received_at, number, colour, confidence,
        candidates::jsonb, offline, verdict, reason, amount_fen, limit_fen, result, session_id, $61::timestamptz
    FROM event
    ON CONFLICT DO NOTHING
    RETURNING garage_id, event_id
),
fresh AS (
    SELECT record_no::integer AS record_no
    FROM event
    WHERE ((garage_id, event_id) IN (SELECT garage_id, event_id FROM archived)) IS TRUE
),
step AS (
    SELECT *
    FROM unnest(
        $19::integer[], $20::smallint[], $21::timestamptz[], $22::uuid[], $23::text[], $24::text[], $25::text[],
        $26::text[], $27::text[], $28::text[], $29::uuid[], $30::text[], $31::text[], $32::text[], $33::integer[],
        $34::timestamptz[], $35::text[], $36::uuid[], $37::bigint[], $38::bigint[], $39::text[], $40::text[],
        $41::uuid[], $42::uuid[], $43::timestamptz[]
    ) AS s (
        record_no, partition, entered_at, session_id, garage_id, number, colour, entry_lane_id, entry_event_id,
        tariff_version_id, account_id, state, previous_state, last_step, version, left_at, exit_lane_id, bill_id,
        amount_fen, prepaid_fen, reason, proof, charge_id, collect_from, collect_at
    )
    WHERE (record_no IN (SELECT record_no FROM fresh)) IS TRUE
),
moved AS (
    INSERT INTO session (
        partition, entered_at, session_id, garage_id, number, colour, entry_lane_id, entry_event_id,
        tariff_version_id, account_id, state, previous_state, last_step, version, left_at, exit_lane_id
    )
    SELECT
        partition, entered_at, session_id, garage_id, number, colour, entry_lane_id, entry_event_id,
        tariff_version_id, account_id, state, previous_state, last_step, version, left_at, exit_lane_id
    FROM step
    ON CONFLICT (partition, entered_at, session_id) DO UPDATE SET
        account_id = coalesce(excluded.account_id, session.account_id),
        state = excluded.state,
        previous_state = session.state,
        last_step = excluded.last_step,
        version = excluded.version,
        left_at = excluded.left_at,
        exit_lane_id = excluded.exit_lane_id
    -- How far a session has come: its closings, and within one of them what was undone or lost sight of.
    WHERE (session.version, CASE session.last_step
                WHEN 'exit_undone' THEN 1 WHEN 'superseded' THEN 2 WHEN 'entry_undone' THEN 2 ELSE 0 END)
        < (excluded.version, CASE excluded.last_step
                WHEN 'exit_undone' THEN 1 WHEN 'superseded' THEN 2 WHEN 'entry_undone' THEN 2 ELSE 0 END)
),
billed AS (
    INSERT INTO bill (
        partition, entered_at, bill_id, garage_id, session_id, version, kind, account_id, number, colour, left_at,
        tariff_version_id, amount_fen, prepaid_fen, reason, proof, raised_at
    )
    SELECT
        partition, entered_at, bill_id, garage_id, session_id, version, 'bill', account_id, number, colour,
        left_at, tariff_version_id, amount_fen, prepaid_fen, reason, proof, $61::timestamptz
    FROM step
    WHERE bill_id IS NOT NULL
    RETURNING amount_fen
),
charged AS (
    INSERT INTO charge (
        partition, charge_id, direction, garage_id, bill_id, session_id, account_id, rail, agreement, amount_fen,
        state, previous_state, last_step, raised_at, next_at, moved_at
    )
    SELECT
        step.partition, step.charge_id, 'collect', step.garage_id, step.bill_id, step.session_id, step.account_id,
        agreed.rail, agreed.reference, step.amount_fen - step.prepaid_fen,
        CASE WHEN agreed.rail IS NULL THEN 'unassigned' ELSE 'due' END,
        'none',
        CASE WHEN agreed.rail IS NULL THEN 'raised_unassigned' ELSE 'raised' END,
        $61::timestamptz,
        CASE WHEN agreed.rail IS NOT NULL THEN step.collect_at END,
        $61::timestamptz
    FROM step
    LEFT JOIN LATERAL (
        SELECT agreement.rail, agreement.reference
        FROM agreement
        WHERE agreement.account_id = step.collect_from AND agreement.ended_at IS NULL
        ORDER BY agreement.rank
        LIMIT 1
    ) AS agreed ON true
    WHERE step.charge_id IS NOT NULL
    RETURNING state
),
posted AS (
    INSERT INTO ledger_entry (
        partition, posted_at, transaction_id, line, kind, debit_account, credit_account, amount_fen, garage_id,
        bill_id
    )
    SELECT
        partition, $61::timestamptz, transaction_id, line, kind, debit_account, credit_account, amount_fen,
        garage_id, bill_id
    FROM unnest(
        $44::integer[], $45::smallint[], $46::uuid[], $47::smallint[], $48::text[], $49::text[], $50::text[],
        $51::bigint[], $52::text[], $53::uuid[]
    ) AS l (
        record_no, partition, transaction_id, line, kind, debit_account, credit_account, amount_fen, garage_id,
        bill_id
    )
    WHERE (record_no IN (SELECT record_no FROM fresh)) IS TRUE
    RETURNING partition, debit_account, credit_account, amount_fen
),
balanced AS (
    INSERT INTO ledger_account (partition, account, debit_fen, credit_fen)
    SELECT partition, account, sum(debit_fen)::bigint, sum(credit_fen)::bigint
    FROM (
        SELECT partition, debit_account AS account, amount_fen AS debit_fen, 0 AS credit_fen FROM posted
        UNION ALL
        SELECT partition, credit_account, 0, amount_fen FROM posted
    ) AS side
    GROUP BY partition, account
    ORDER BY partition, account
    ON CONFLICT (partition, account) DO UPDATE SET
        debit_fen = ledger_account.debit_fen + excluded.debit_fen,
        credit_fen = ledger_account.credit_fen + excluded.credit_fen
),
kept AS (
    INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
    SELECT partition, item_id, garage_id, cause, details::jsonb, opened_at
    FROM unnest(
        $54::integer[], $55::smallint[], $56::text[], $57::text[], $58::text[], $59::text[], $60::timestamptz[]
    ) AS q (record_no, partition, item_id, garage_id, cause, details, opened_at)
    WHERE (record_no IN (SELECT record_no FROM fresh)) IS TRUE
    ON CONFLICT (partition, item_id) DO NOTHING
    RETURNING item_id
)
SELECT
    ARRAY(SELECT record_no FROM fresh ORDER BY record_no) AS fresh,
    (SELECT count(*) FROM billed) AS bills,
    (SELECT count(*) FROM charged WHERE state = 'due') AS charges_due,
    (SELECT count(*) FROM charged WHERE state = 'unassigned') AS charges_unassigned,
    (SELECT count(*) FROM posted) AS entries,
    (SELECT count(*) FROM kept) AS quarantined
