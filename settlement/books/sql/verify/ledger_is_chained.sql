-- I10: each link of the ledger's chain holds what it held when it was sealed, and follows the one before. An entry that
-- was changed, added or taken away since is in the link that is named, or between it and the one before. Behind the last
-- link of its partition, and before the end of the last link of all, there is none.
WITH link AS (
    SELECT
        partition, link_no, posted_from, posted_until, entries, digest,
        lag(digest) OVER chain AS digest_before,
        coalesce(lag(posted_until) OVER chain, '-infinity') AS open_from,
        row_number() OVER chain AS number
    FROM ledger_link
    WINDOW chain AS (PARTITION BY partition ORDER BY link_no)
),
found AS (
    SELECT
        link.partition, link.link_no, count(entry.line) AS entries,
        sha256(coalesce(link.digest_before, '') || coalesce(
            string_agg(
                ledger_entry_digest(
                    entry.partition, entry.posted_at, entry.transaction_id, entry.line, entry.kind,
                    entry.debit_account, entry.credit_account, entry.amount_fen, entry.garage_id, entry.bill_id,
                    entry.charge_id
                ),
                NULL ORDER BY entry.posted_at, entry.transaction_id, entry.line
            ),
            ''
        )) AS digest
    FROM link
    LEFT JOIN LATERAL (
        SELECT *
        FROM ledger_entry
        WHERE ledger_entry.partition = link.partition AND ledger_entry.posted_at >= link.open_from
            AND ledger_entry.posted_at < link.posted_until
    ) AS entry ON true
    GROUP BY link.partition, link.link_no, link.digest_before
)
SELECT
    format('%s/%s', link.partition, link.link_no) AS item_id,
    format('sealed with %s entries posted from %s until %s; now %s entries with another digest',
        link.entries, link.posted_from, link.posted_until, found.entries) AS explanation
FROM link
JOIN found USING (partition, link_no)
WHERE found.digest <> link.digest OR found.entries <> link.entries OR link.number <> link.link_no
UNION ALL
SELECT
    format('%s/-', entry.partition),
    format('%s entries are in no link, the first posted at %s', count(*), min(entry.posted_at))
FROM ledger_entry AS entry
LEFT JOIN (SELECT partition, max(posted_until) AS posted_until FROM link GROUP BY partition) AS last USING (partition)
WHERE entry.posted_at >= coalesce(last.posted_until, '-infinity')
    AND entry.posted_at < (SELECT max(posted_until) FROM link)
GROUP BY entry.partition
ORDER BY item_id
LIMIT 100
