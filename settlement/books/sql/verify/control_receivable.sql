-- Control: what drivers owe by the ledger is what they owe by bills, payments and refunds.
WITH owed AS (
    SELECT partition, garage_id, CASE kind WHEN 'bill' THEN 1 ELSE -1 END * (amount_fen - prepaid_fen) AS fen
    FROM bill
    UNION ALL
    SELECT partition, garage_id, CASE direction WHEN 'refund' THEN amount_fen ELSE -amount_fen END
    FROM charge
    WHERE direction = 'refund' OR state IN ('paid', 'collected')
    UNION ALL
    SELECT partition, garage_id, amount_fen FROM ledger_entry WHERE kind = 'debt_released'
),
expected AS (
    SELECT partition, 'receivable:' || garage_id AS account, sum(fen) AS fen FROM owed GROUP BY partition, garage_id
),
kept AS (
    SELECT partition, account, debit_fen - credit_fen AS fen
    FROM ledger_account
    WHERE starts_with(account, 'receivable:')
)
SELECT
    format('%s/%s', partition, account) AS item_id,
    format('the ledger says %s fen, bills and charges say %s fen', kept.fen, expected.fen) AS explanation
FROM kept
FULL JOIN expected USING (partition, account)
WHERE coalesce(kept.fen, 0) <> coalesce(expected.fen, 0)
LIMIT 100
