-- Control: what a rail holds by the ledger is what it collected less what it gave back.
WITH expected AS (
    SELECT
        partition,
        format('rail_clearing:%s/%s', garage_id, rail) AS account,
        sum(CASE direction WHEN 'collect' THEN amount_fen ELSE -amount_fen END) AS fen
    FROM charge
    WHERE state = 'paid'
    GROUP BY partition, garage_id, rail
),
kept AS (
    SELECT partition, account, debit_fen - credit_fen AS fen
    FROM ledger_account
    WHERE starts_with(account, 'rail_clearing:')
)
SELECT
    format('%s/%s', partition, account) AS item_id,
    format('the ledger says %s fen, the charges say %s fen', kept.fen, expected.fen) AS explanation
FROM kept
FULL JOIN expected USING (partition, account)
WHERE coalesce(kept.fen, 0) <> coalesce(expected.fen, 0)
LIMIT 100
