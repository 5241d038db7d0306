-- I10: behind the last link of a partition, and before the end of the last link of all, there is no entry.
-- $1 partition smallint
SELECT
    format('%s/-', $1::smallint) AS item_id,
    format('%s entries are in no link, the first posted at %s', count(*), min(posted_at)) AS explanation
FROM ledger_entry
WHERE partition = $1::smallint
    AND posted_at >= coalesce(
        (SELECT max(posted_until) FROM ledger_link WHERE partition = $1::smallint), '-infinity'
    )
    AND posted_at < (SELECT max(posted_until) FROM ledger_link)
HAVING count(*) > 0
