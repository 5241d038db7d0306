-- How many charges there are, by direction, rail and state; since when the oldest of them is in its state,
-- and when the first of them is due for its next step.
-- Reads the whole table: for a report, not for every scrape.
SELECT direction, rail, state, count(*) AS charges, sum(amount_fen)::bigint AS amount_fen,
       min(moved_at) AS oldest_moved_at, min(next_at) AS next_at
FROM charge
GROUP BY direction, rail, state
ORDER BY direction, rail, state
