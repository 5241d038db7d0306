-- I1: within a partition, all accounts together are zero.
SELECT
    partition::text AS item_id,
    format('debits of %s fen and credits of %s fen', sum(debit_fen), sum(credit_fen)) AS explanation
FROM ledger_account
GROUP BY partition
HAVING sum(debit_fen) <> sum(credit_fen)
LIMIT 100
