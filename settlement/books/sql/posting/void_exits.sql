-- Books bills that are taken back: credit notes, ledger entries with their balances, and what becomes of the charges,
-- whose rows the same transaction has locked.
--
-- The credit notes:
-- $1 partition smallint[]
-- $2 entered_at timestamptz[]
-- $3 bill_id uuid[]
-- $4 credits_bill_id uuid[]
-- $5 reason text[]
-- The ledger entries:
-- $6 partition smallint[]
-- $7 transaction_id uuid[]
-- $8 line smallint[]
-- $9 kind text[]
-- $10 debit_account text[]
-- $11 credit_account text[]
-- $12 amount_fen bigint[]
-- $13 garage_id text[]
-- $14 bill_id uuid[]
-- $15 charge_id uuid[]
-- The charges to void, and those to void as soon as their outcome is known:
-- $16 partition smallint[]
-- $17 charge_id uuid[]
-- $18 partition smallint[]
-- $19 charge_id uuid[]
-- The refunds, each of the charge that had collected the money:
-- $20 partition smallint[]
-- $21 charge_id uuid[]
-- $22 bill_id uuid[]
-- And when:
-- $23 now timestamptz
WITH noted AS (
    INSERT INTO bill (
        partition, entered_at, bill_id, garage_id, session_id, version, correction, kind, credits_bill_id,
        account_id, number, colour, stay_from, left_at, tariff_version_id, amount_fen, prepaid_fen, reason, proof,
        benefits, earlier, changes, vehicle_class, raised_at
    )
    SELECT
        n.partition, n.entered_at, n.bill_id, garage_id, session_id, version, correction, 'credit_note',
        n.credits_bill_id, account_id, number, colour, stay_from, left_at, tariff_version_id, amount_fen,
        prepaid_fen, n.reason, proof, benefits, earlier, changes, vehicle_class,
        $23::timestamptz
    FROM unnest($1::smallint[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[])
        AS n (partition, entered_at, bill_id, credits_bill_id, reason)
    JOIN bill ON bill.partition = n.partition AND bill.entered_at = n.entered_at
        AND bill.bill_id = n.credits_bill_id
    RETURNING bill.bill_id
),
posted AS (
    INSERT INTO ledger_entry (
        partition, posted_at, transaction_id, line, kind, debit_account, credit_account, amount_fen, garage_id,
        bill_id, charge_id
    )
    SELECT
        partition, $23::timestamptz, transaction_id, line, kind, debit_account, credit_account, amount_fen,
        garage_id, bill_id, charge_id
    FROM unnest(
        $6::smallint[], $7::uuid[], $8::smallint[], $9::text[], $10::text[], $11::text[], $12::bigint[],
        $13::text[], $14::uuid[], $15::uuid[]
    ) AS l (
        partition, transaction_id, line, kind, debit_account, credit_account, amount_fen, garage_id, bill_id,
        charge_id
    )
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
voided AS (
    UPDATE charge SET
        state = 'voided', previous_state = charge.state, last_step = 'voided', next_at = NULL,
        moved_at = $23::timestamptz
    FROM unnest($16::smallint[], $17::uuid[]) AS v (partition, charge_id)
    WHERE charge.partition = v.partition AND charge.charge_id = v.charge_id
    RETURNING charge.charge_id
),
marked AS (
    UPDATE charge SET void_requested = true
    FROM unnest($18::smallint[], $19::uuid[]) AS m (partition, charge_id)
    WHERE charge.partition = m.partition AND charge.charge_id = m.charge_id
    RETURNING charge.charge_id
),
refunded AS (
    INSERT INTO charge (
        partition, charge_id, direction, garage_id, bill_id, session_id, account_id, rail, agreement, amount_fen,
        state, previous_state, last_step, raised_at, next_at, moved_at
    )
    SELECT
        paid.partition, r.charge_id, 'refund', paid.garage_id, paid.bill_id, paid.session_id, paid.account_id,
        paid.rail, paid.agreement, paid.amount_fen, 'due', 'none', 'raised', $23::timestamptz, $23::timestamptz,
        $23::timestamptz
    FROM unnest($20::smallint[], $21::uuid[], $22::uuid[]) AS r (partition, charge_id, bill_id)
    JOIN charge AS paid ON paid.partition = r.partition AND paid.bill_id = r.bill_id AND paid.direction = 'collect'
    RETURNING charge_id
)
SELECT
    (SELECT count(*) FROM noted) AS credit_notes,
    (SELECT count(*) FROM posted) AS entries,
    (SELECT count(*) FROM voided) AS voided,
    (SELECT count(*) FROM marked) AS marked,
    (SELECT count(*) FROM refunded) AS refunds
