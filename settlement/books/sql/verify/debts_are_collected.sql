-- I3: a collected charge was paid once, in whole, and posted on each side; nothing else was.
WITH posted AS (
    SELECT
        charge_id,
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'debt_collected'), 0) AS collected_fen,
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'debt_collected_for'), 0) AS collected_for_fen
    FROM ledger_entry
    WHERE kind IN ('debt_collected', 'debt_collected_for')
    GROUP BY charge_id
),
collected AS (
    SELECT charge_id, amount_fen, garage_id FROM charge WHERE state = 'collected'
)
SELECT
    coalesce(collected.charge_id, paid.charge_id, posted.charge_id)::text AS item_id,
    format(
        'collected: %s fen, paid: %s fen, posted: %s fen and %s fen for another garage', collected.amount_fen,
        paid.amount_fen, posted.collected_fen, posted.collected_for_fen
    ) AS explanation
FROM collected
FULL JOIN debt_payment AS paid ON paid.charge_id = collected.charge_id
FULL JOIN posted ON posted.charge_id = coalesce(collected.charge_id, paid.charge_id)
WHERE collected.amount_fen IS DISTINCT FROM paid.amount_fen
    OR collected.garage_id IS DISTINCT FROM paid.garage_id
    OR posted.collected_fen IS DISTINCT FROM paid.amount_fen
    OR posted.collected_for_fen
        IS DISTINCT FROM CASE WHEN paid.collected_at = paid.garage_id THEN 0 ELSE paid.amount_fen END
LIMIT 100
