-- Books what a merchant paid, once per payment_id: the payment, its ledger entry and the balances.
-- Says whether it was new.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 payment_id text
-- $5 amount_fen bigint
-- $6 method text
-- $7 recorded_by text
-- $8 now timestamptz
-- $9 transaction_id uuid
-- $10 kind text
-- $11 debit_account text
-- $12 credit_account text
WITH paid AS (
    INSERT INTO merchant_payment (
        partition, garage_id, merchant_id, payment_id, amount_fen, method, recorded_by, received_at
    )
    VALUES ($1::smallint, $2::text, $3::text, $4::text, $5::bigint, $6::text, $7::text, $8::timestamptz)
    ON CONFLICT (partition, garage_id, merchant_id, payment_id) DO NOTHING
    RETURNING partition, garage_id, amount_fen
),
posted AS (
    INSERT INTO ledger_entry (
        partition, posted_at, transaction_id, line, kind, debit_account, credit_account, amount_fen, garage_id
    )
    SELECT partition, $8::timestamptz, $9::uuid, 1, $10::text, $11::text, $12::text, amount_fen, garage_id
    FROM paid
),
balanced AS (
    INSERT INTO ledger_account (partition, account, debit_fen, credit_fen)
    SELECT paid.partition, side.account, side.debit * paid.amount_fen, side.credit * paid.amount_fen
    FROM paid, (VALUES ($11::text, 1, 0), ($12::text, 0, 1)) AS side (account, debit, credit)
    ORDER BY paid.partition, side.account
    ON CONFLICT (partition, account) DO UPDATE SET
        debit_fen = ledger_account.debit_fen + excluded.debit_fen,
        credit_fen = ledger_account.credit_fen + excluded.credit_fen
)
SELECT EXISTS (SELECT FROM paid) AS fresh
