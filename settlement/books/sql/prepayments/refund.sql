-- Gives back what was paid inside for a stay that is over, once per refund_id: the refund, its ledger entry and the
-- balances. Only what no bill that stands has used and nothing has given back is there to give; where nothing is left
-- then, the items of the stay on the review list are resolved, else the one about the stay, and the next look opens
-- another about the rest. Says whether this call did it.
-- $1 partition smallint
-- $2 refund_id text
-- $3 garage_id text
-- $4 session_id uuid
-- $5 amount_fen bigint
-- $6 method text
-- $7 given_by text
-- $8 now timestamptz
-- $9 over_until timestamptz
-- $10 transaction_id uuid
-- $11 kind text
-- $12 debit_account text
-- $13 credit_account text
WITH over AS (
    SELECT partition, entered_at, session_id
    FROM session
    WHERE partition = $1::smallint AND session_id = $4::uuid AND garage_id = $3::text
        AND state <> 'inside' AND (left_at IS NULL OR left_at <= $9::timestamptz)
),
unused AS (
    SELECT
        (SELECT coalesce(sum(amount_fen), 0) FROM prepayment
         WHERE prepayment.partition = over.partition AND prepayment.session_id = over.session_id)
        - (SELECT coalesce(sum(CASE bill.kind WHEN 'bill' THEN bill.prepaid_fen ELSE -bill.prepaid_fen END), 0)
           FROM bill
           WHERE bill.partition = over.partition AND bill.entered_at = over.entered_at
               AND bill.session_id = over.session_id)
        - (SELECT coalesce(sum(amount_fen), 0) FROM prepayment_refund AS earlier
           WHERE earlier.partition = over.partition AND earlier.session_id = over.session_id) AS fen
    FROM over
),
given AS (
    INSERT INTO prepayment_refund (
        partition, refund_id, garage_id, session_id, amount_fen, method, given_by, given_at
    )
    SELECT $1::smallint, $2::text, $3::text, $4::uuid, $5::bigint, $6::text, $7::text, $8::timestamptz
    FROM unused
    WHERE unused.fen >= $5::bigint
    ON CONFLICT (partition, refund_id) DO NOTHING
    RETURNING partition, garage_id, session_id, amount_fen
),
posted AS (
    INSERT INTO ledger_entry (
        partition, posted_at, transaction_id, line, kind, debit_account, credit_account, amount_fen, garage_id
    )
    SELECT
        partition, $8::timestamptz, $10::uuid, 1, $11::text, $12::text, $13::text, amount_fen, garage_id
    FROM given
),
balanced AS (
    INSERT INTO ledger_account (partition, account, debit_fen, credit_fen)
    SELECT given.partition, side.account, side.debit * given.amount_fen, side.credit * given.amount_fen
    FROM given, (VALUES ($12::text, 1, 0), ($13::text, 0, 1)) AS side (account, debit, credit)
    ORDER BY given.partition, side.account
    ON CONFLICT (partition, account) DO UPDATE SET
        debit_fen = ledger_account.debit_fen + excluded.debit_fen,
        credit_fen = ledger_account.credit_fen + excluded.credit_fen
),
resolved AS (
    UPDATE quarantine AS item
    SET state = 'resolved', resolution = 'dismiss', resolved_by = $7::text, resolved_at = $8::timestamptz,
        note = 'given back: ' || $2::text
    FROM given, unused
    WHERE item.partition = given.partition AND item.state = 'open' AND item.garage_id = given.garage_id
        AND (item.cause = 'prepaid_unused' OR item.cause = 'prepaid_after_exit' AND unused.fen = given.amount_fen)
        AND item.details ->> 'session_id' = given.session_id::text
)
SELECT EXISTS (SELECT FROM given) AS fresh
