-- Control: what is to be given back by the ledger is what refunds and released debts leave open.
WITH open AS (
    SELECT partition, garage_id, amount_fen AS fen FROM charge WHERE direction = 'refund' AND state <> 'paid'
    UNION ALL
    SELECT partition, garage_id, amount_fen FROM ledger_entry WHERE kind = 'debt_released'
),
expected AS (
    SELECT partition, 'refund_payable:' || garage_id AS account, sum(fen) AS fen
    FROM open
    GROUP BY partition, garage_id
),
kept AS (
    SELECT partition, account, credit_fen - debit_fen AS fen
    FROM ledger_account
    WHERE starts_with(account, 'refund_payable:')
)
SELECT
    format('%s/%s', partition, account) AS item_id,
    format('the ledger says %s fen, refunds say %s fen', kept.fen, expected.fen) AS explanation
FROM kept
FULL JOIN expected USING (partition, account)
WHERE coalesce(kept.fen, 0) <> coalesce(expected.fen, 0)
LIMIT 100
