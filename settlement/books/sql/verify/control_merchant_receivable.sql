-- Control: what merchants owe by the ledger is what the coupons of standing bills cost, less what they have paid.
WITH owed AS (
    SELECT partition, garage_id, merchant_id, owed_fen AS fen FROM coupon_use WHERE released_at IS NULL
    UNION ALL
    SELECT partition, garage_id, merchant_id, -amount_fen FROM merchant_payment
),
expected AS (
    SELECT partition, 'merchant_receivable:' || garage_id || '/' || merchant_id AS account, sum(fen) AS fen
    FROM owed
    GROUP BY partition, garage_id, merchant_id
),
kept AS (
    SELECT partition, account, debit_fen - credit_fen AS fen
    FROM ledger_account
    WHERE starts_with(account, 'merchant_receivable:')
)
SELECT
    format('%s/%s', partition, account) AS item_id,
    format('the ledger says %s fen, coupons and payments say %s fen', kept.fen, expected.fen) AS explanation
FROM kept
FULL JOIN expected USING (partition, account)
WHERE coalesce(kept.fen, 0) <> coalesce(expected.fen, 0)
LIMIT 100
