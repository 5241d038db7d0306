-- I2: a materialised balance is the sum of its entries, debits and credits each.
WITH side AS (
    SELECT partition, debit_account AS account, amount_fen AS debit_fen, 0 AS credit_fen FROM ledger_entry
    UNION ALL
    SELECT partition, credit_account, 0, amount_fen FROM ledger_entry
),
summed AS (
    SELECT partition, account, sum(debit_fen) AS debit_fen, sum(credit_fen) AS credit_fen
    FROM side
    GROUP BY partition, account
)
SELECT
    format('%s/%s', partition, account) AS item_id,
    format(
        'kept as %s / %s fen, the entries say %s / %s fen',
        kept.debit_fen, kept.credit_fen, summed.debit_fen, summed.credit_fen
    ) AS explanation
FROM ledger_account AS kept
FULL JOIN summed USING (partition, account)
WHERE (coalesce(kept.debit_fen, 0), coalesce(kept.credit_fen, 0))
    <> (coalesce(summed.debit_fen, 0), coalesce(summed.credit_fen, 0))
LIMIT 100
