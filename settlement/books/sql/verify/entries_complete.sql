-- I1: every ledger transaction has all its lines, and each line moves a positive amount between two accounts.
SELECT
    transaction_id::text AS item_id,
    format('%s lines, the last one is number %s, the least amount is %s fen', count(*), max(line), min(amount_fen))
        AS explanation
FROM ledger_entry
GROUP BY partition, transaction_id
HAVING count(*) <> max(line) OR min(amount_fen) <= 0 OR bool_or(debit_account = credit_account)
LIMIT 100
