-- The partitions that have ledger entries or links, found one after the other by their keys.
WITH RECURSIVE with_entries AS (
    SELECT min(partition) AS partition FROM ledger_entry
    UNION ALL
    SELECT (SELECT min(ledger_entry.partition) FROM ledger_entry WHERE ledger_entry.partition > with_entries.partition)
    FROM with_entries
    WHERE with_entries.partition IS NOT NULL
)
SELECT partition FROM with_entries WHERE partition IS NOT NULL
UNION
SELECT partition FROM ledger_link
ORDER BY partition
