-- Books that a driver paid debts at a garage: the payments, the charges, which the caller has locked, the ledger
-- entries, each in the partition of its garage, and the balances.
-- The charges:
-- $1 partition smallint[]
-- $2 charge_id uuid[]
-- The ledger entries:
-- $3 partition smallint[]
-- $4 transaction_id uuid[]
-- $5 line smallint[]
-- $6 kind text[]
-- $7 debit_account text[]
-- $8 credit_account text[]
-- $9 amount_fen bigint[]
-- $10 garage_id text[]
-- $11 bill_id uuid[]
-- $12 charge_id uuid[]
-- The payment:
-- $13 payment_id text
-- $14 reference text
-- $15 collected_at text
-- $16 method text
-- $17 taken_by text
-- $18 now timestamptz
WITH collected AS (
    UPDATE charge SET
        state = 'collected', previous_state = charge.state, last_step = 'collected', next_at = NULL,
        moved_at = $18::timestamptz
    FROM unnest($1::smallint[], $2::uuid[]) AS c (partition, charge_id)
    WHERE charge.partition = c.partition AND charge.charge_id = c.charge_id
    RETURNING charge.partition, charge.charge_id, charge.bill_id, charge.garage_id, charge.amount_fen
),
paid AS (
    INSERT INTO debt_payment (
        partition, charge_id, payment_id, reference, bill_id, garage_id, collected_at, amount_fen, method, taken_by,
        received_at
    )
    SELECT
        partition, charge_id, $13::text, $14::text, bill_id, garage_id, $15::text, amount_fen, $16::text, $17::text,
        $18::timestamptz
    FROM collected
),
posted AS (
    INSERT INTO ledger_entry (
        partition, posted_at, transaction_id, line, kind, debit_account, credit_account, amount_fen, garage_id,
        bill_id, charge_id
    )
    SELECT
        partition, $18::timestamptz, transaction_id, line, kind, debit_account, credit_account, amount_fen,
        garage_id, bill_id, charge_id
    FROM unnest(
        $3::smallint[], $4::uuid[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[],
        $11::uuid[], $12::uuid[]
    ) AS l (
        partition, transaction_id, line, kind, debit_account, credit_account, amount_fen, garage_id, bill_id,
        charge_id
    )
    RETURNING partition, debit_account, credit_account, amount_fen
)
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
