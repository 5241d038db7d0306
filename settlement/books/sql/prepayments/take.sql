-- Books what was paid inside, once per prepayment_id: the prepayment, its ledger entry and the balances.
-- Where its payer said what he saw paid and not given back before, it is taken only if that is so still. Says whether
-- it was new.
-- $1 partition smallint
-- $2 prepayment_id text
-- $3 garage_id text
-- $4 session_id uuid
-- $5 amount_fen bigint
-- $6 method text
-- $7 taken_by text
-- $8 now timestamptz
-- $9 transaction_id uuid
-- $10 kind text
-- $11 debit_account text
-- $12 credit_account text
-- $13 paid_before_fen bigint
-- $14 needless boolean
WITH taken AS (
    INSERT INTO prepayment (
        partition, prepayment_id, garage_id, session_id, amount_fen, method, taken_by, received_at, needless
    )
    SELECT
        $1::smallint, $2::text, $3::text, $4::uuid, $5::bigint, $6::text, $7::text, $8::timestamptz, $14::boolean
    WHERE $13::bigint IS NULL
        OR $13::bigint = (
            (SELECT coalesce(sum(amount_fen), 0) FROM prepayment WHERE session_id = $4::uuid)
            - (
                SELECT coalesce(sum(refund.amount_fen), 0)
                FROM prepayment_refund AS refund
                WHERE refund.partition = $1::smallint AND refund.session_id = $4::uuid
            )
        )
    ON CONFLICT (partition, prepayment_id) DO NOTHING
    RETURNING partition, garage_id, amount_fen
),
posted AS (
    INSERT INTO ledger_entry (
        partition, posted_at, transaction_id, line, kind, debit_account, credit_account, amount_fen, garage_id
    )
    SELECT
        partition, $8::timestamptz, $9::uuid, 1, $10::text, $11::text, $12::text, amount_fen, garage_id
    FROM taken
),
balanced AS (
    INSERT INTO ledger_account (partition, account, debit_fen, credit_fen)
    SELECT taken.partition, side.account, side.debit * taken.amount_fen, side.credit * taken.amount_fen
    FROM taken, (VALUES ($11::text, 1, 0), ($12::text, 0, 1)) AS side (account, debit, credit)
    ORDER BY taken.partition, side.account
    ON CONFLICT (partition, account) DO UPDATE SET
        debit_fen = ledger_account.debit_fen + excluded.debit_fen,
        credit_fen = ledger_account.credit_fen + excluded.credit_fen
)
SELECT EXISTS (SELECT FROM taken) AS fresh
