-- Books one segment of journal records, exactly once.
--
-- The archive decides: a record whose event is archived here for the first time is fresh, and only the
-- rows of fresh records have any further effect. Everything happens in this one statement or not at all.
-- Sessions only move forward, so a record that comes late does not take them back; balances are moved by
-- one sum per account, in the order of their keys.
--
-- A stay that went on after its car seemed to enter again is on the review list again when the car does enter again.
--
-- Membership is tested as "(... IN ...) IS TRUE", which is looked up in a hash table whatever the planner
-- thinks of the size of an array.
--
-- $1 events event_row[]
-- $2 steps step_row[]
-- $3 entries entry_row[]
-- $4 items item_row[]
-- $5 uses coupon_use_row[]
-- $6 now timestamptz
-- $7 resolved_by text
WITH event AS (
    SELECT *
    FROM unnest($1::event_row[]) WITH ORDINALITY AS e (
        partition, captured_at, garage_id, event_id, lane_id, kind, received_at, number, colour, confidence,
        candidates, offline, verdict, reason, amount_fen, limit_fen, result, session_id, token_digest,
        image_reference, debt_reference, record_no
    )
),
archived AS (
    INSERT INTO gate_event (
        partition, captured_at, garage_id, event_id, lane_id, kind, received_at, number, colour, confidence,
        candidates, offline, verdict, reason, amount_fen, limit_fen, result, session_id, token_digest,
        image_reference, debt_reference, archived_at
    )
    SELECT
        partition, captured_at, garage_id, event_id, lane_id, kind, received_at, number, colour, confidence,
        candidates::jsonb, offline, verdict, reason, amount_fen, limit_fen, result, session_id, token_digest,
        image_reference, debt_reference, $6::timestamptz
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
    FROM unnest($2::step_row[])
    WHERE (record_no IN (SELECT record_no FROM fresh)) IS TRUE
),
moved AS (
    INSERT INTO session (
        partition, entered_at, session_id, garage_id, number, colour, entry_lane_id, entry_event_id,
        tariff_version_id, account_id, state, previous_state, last_step, version, left_at, exit_lane_id,
        earlier
    )
    SELECT
        partition, entered_at, session_id, garage_id, number, colour, entry_lane_id, entry_event_id,
        tariff_version_id, account_id, state, previous_state, last_step, version, left_at, exit_lane_id,
        coalesce(earlier, '')
    FROM step
    ON CONFLICT (partition, entered_at, session_id) DO UPDATE SET
        account_id = coalesce(excluded.account_id, session.account_id),
        state = excluded.state,
        previous_state = session.state,
        last_step = excluded.last_step,
        version = excluded.version,
        left_at = excluded.left_at,
        exit_lane_id = excluded.exit_lane_id
    -- How far a session has come: its closings, and within one of them what was undone or lost sight of. One that
    -- was closed as of the past meanwhile does not go on.
    WHERE (session.version, CASE session.last_step
                WHEN 'resumed' THEN -1 WHEN 'exit_undone' THEN 1 WHEN 'superseded' THEN 2 WHEN 'entry_undone' THEN 2 ELSE 0 END)
        < (excluded.version, CASE excluded.last_step
                WHEN 'resumed' THEN -1 WHEN 'exit_undone' THEN 1 WHEN 'superseded' THEN 2 WHEN 'entry_undone' THEN 2 ELSE 0 END)
),
billed AS (
    INSERT INTO bill (
        partition, entered_at, bill_id, garage_id, session_id, version, kind, account_id, number, colour, left_at,
        tariff_version_id, amount_fen, prepaid_fen, reason, proof, benefits,
        earlier, changes, raised_at
    )
    SELECT
        partition, entered_at, bill_id, garage_id, session_id, version, 'bill', account_id, number, colour,
        left_at, tariff_version_id, amount_fen, prepaid_fen, reason, proof, coalesce(benefits, ''),
        earlier, changes, $6::timestamptz
    FROM step
    WHERE bill_id IS NOT NULL
    RETURNING amount_fen
),
unknown AS (
    INSERT INTO unknown_benefits (partition, session_id, version, entered_at, noted_at)
    SELECT partition, session_id, version, entered_at, $6::timestamptz
    FROM step
    WHERE bill_id IS NOT NULL AND amount_fen > 0 AND benefits IS NULL
    ON CONFLICT DO NOTHING
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
        $6::timestamptz,
        CASE WHEN agreed.rail IS NOT NULL THEN step.collect_at END,
        $6::timestamptz
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
        partition, $6::timestamptz, transaction_id, line, kind, debit_account, credit_account, amount_fen,
        garage_id, bill_id
    FROM unnest($3::entry_row[])
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
used AS (
    INSERT INTO coupon_use (
        partition, bill_id, garage_id, merchant_id, coupon_id, worth_fen, owed_fen, used_at
    )
    SELECT partition, bill_id, garage_id, merchant_id, coupon_id, worth_fen, owed_fen, $6::timestamptz
    FROM unnest($5::coupon_use_row[])
    WHERE (record_no IN (SELECT record_no FROM fresh)) IS TRUE
    RETURNING partition, garage_id, merchant_id, coupon_id, bill_id, owed_fen
),
spent AS (
    UPDATE coupon SET
        state = 'used', previous_state = coupon.state, last_step = 'used', counted_fen = used.owed_fen,
        session_id = step.session_id, moved_at = $6::timestamptz
    FROM used
    JOIN step ON step.bill_id = used.bill_id
    WHERE coupon.partition = used.partition AND coupon.garage_id = used.garage_id
        AND coupon.merchant_id = used.merchant_id AND coupon.coupon_id = used.coupon_id
),
kept AS (
    INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
    SELECT partition, item_id, garage_id, cause, details::jsonb, opened_at
    FROM unnest($4::item_row[])
    WHERE (record_no IN (SELECT record_no FROM fresh)) IS TRUE
    ON CONFLICT (partition, item_id) DO NOTHING
    RETURNING item_id
),
resumed AS (
    UPDATE quarantine
    SET state = 'resolved', resolution = 'taken_back', resolved_by = $7::text, resolved_at = $6::timestamptz,
        note = 'session ' || step.session_id
    FROM step
    WHERE step.last_step = 'resumed' AND quarantine.partition = step.partition
        AND quarantine.garage_id = step.garage_id AND quarantine.state = 'open'
        AND quarantine.cause IN ('exit_missed', 'prepaid_unused')
        AND quarantine.details ->> 'session_id' = step.session_id::text
),
lost_sight_again AS (
    UPDATE quarantine
    SET state = 'open', resolution = NULL, resolved_by = NULL, resolved_at = NULL, note = NULL
    FROM step
    WHERE step.last_step = 'superseded' AND quarantine.partition = step.partition
        AND quarantine.item_id = 'session:' || step.session_id AND quarantine.resolution = 'taken_back'
),
inside_again AS (
    UPDATE reported_visit
    SET is_open = true
    FROM step
    WHERE step.last_step = 'resumed' AND reported_visit.partition = step.partition
        AND reported_visit.session_id = step.session_id
)
SELECT
    ARRAY(SELECT record_no FROM fresh ORDER BY record_no) AS fresh,
    (SELECT count(*) FROM billed) AS bills,
    (SELECT count(*) FROM charged WHERE state = 'due') AS charges_due,
    (SELECT count(*) FROM charged WHERE state = 'unassigned') AS charges_unassigned,
    (SELECT count(*) FROM posted) AS entries,
    (SELECT count(*) FROM kept) AS quarantined,
    (SELECT count(*) FROM used) AS coupons_used
