-- How far the ledger is out as a whole, in fen: its balances together, and each against its entries.
WITH side AS (
    SELECT partition, debit_account AS account, amount_fen AS fen FROM ledger_entry
    UNION ALL
    SELECT partition, credit_account, -amount_fen FROM ledger_entry
),
summed AS (
    SELECT partition, account, sum(fen) AS fen FROM side GROUP BY partition, account
)
SELECT (
    abs(coalesce((SELECT sum(debit_fen) - sum(credit_fen) FROM ledger_account), 0))
    + coalesce((
        SELECT sum(abs(coalesce(kept.debit_fen - kept.credit_fen, 0) - coalesce(summed.fen, 0)))
        FROM ledger_account AS kept
        FULL JOIN summed USING (partition, account)
    ), 0)
)::bigint
