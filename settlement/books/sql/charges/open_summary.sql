-- How many charges are neither paid, collected nor voided, by direction, rail and state; since when the oldest of them
-- is in its state, and when the first of them is due for its next step. Reads an index that the paid ones are not in.
SELECT direction, rail, state, count(*) AS charges, sum(amount_fen)::bigint AS amount_fen,
       min(moved_at) AS oldest_moved_at, min(next_at) AS next_at
FROM charge
WHERE state NOT IN ('paid', 'voided', 'collected')
GROUP BY direction, rail, state
ORDER BY direction, rail, state
