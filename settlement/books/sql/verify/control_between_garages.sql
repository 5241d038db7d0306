-- Control: what one garage is owed by another by the ledger is what that one says it owes.
WITH side AS (
    SELECT
        substring(account FROM '^due_from:([^/]+)/') AS garage_id,
        substring(account FROM '/(.+)$') AS collector_id,
        debit_fen - credit_fen AS from_fen,
        0 AS to_fen
    FROM ledger_account
    WHERE starts_with(account, 'due_from:')
    UNION ALL
    SELECT
        substring(account FROM '/(.+)$'),
        substring(account FROM '^due_to:([^/]+)/'),
        0,
        credit_fen - debit_fen
    FROM ledger_account
    WHERE starts_with(account, 'due_to:')
)
SELECT
    format('%s/%s', garage_id, collector_id) AS item_id,
    format('due from it: %s fen, due to it: %s fen', sum(from_fen), sum(to_fen)) AS explanation
FROM side
GROUP BY garage_id, collector_id
HAVING sum(from_fen) <> sum(to_fen)
LIMIT 100
