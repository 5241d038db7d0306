-- I10: each of some links of a partition's chain holds what it held when it was sealed, and follows the one before. An
-- entry that was changed, added or taken away since is in the link that is named, or between it and the one before.
-- $1 partition smallint
-- $2 after_link_no bigint
-- $3 last_link_no bigint
WITH link AS (
    SELECT
        link_no, posted_from, posted_until, entries, digest,
        lag(digest) OVER chain AS digest_before,
        coalesce(lag(posted_until) OVER chain, '-infinity') AS open_from,
        coalesce(lag(link_no) OVER chain, 0) + 1 AS number
    FROM ledger_link
    WHERE partition = $1::smallint AND link_no >= $2::bigint AND link_no <= $3::bigint
    WINDOW chain AS (ORDER BY link_no)
)
SELECT
    format('%s/%s', $1::smallint, link.link_no) AS item_id,
    format('sealed with %s entries posted from %s until %s; now %s entries with another digest',
        link.entries, link.posted_from, link.posted_until, held.entries) AS explanation
FROM link
CROSS JOIN LATERAL (
    SELECT
        count(*) AS entries,
        string_agg(
            ledger_entry_digest(
                partition, posted_at, transaction_id, line, kind, debit_account, credit_account, amount_fen, garage_id,
                bill_id, charge_id
            ),
            NULL ORDER BY posted_at, transaction_id, line
        ) AS digests
    FROM ledger_entry
    WHERE partition = $1::smallint AND posted_at >= link.open_from AND posted_at < link.posted_until
) AS held
WHERE link.link_no > $2::bigint
    AND (
        sha256(coalesce(link.digest_before, '') || coalesce(held.digests, '')) <> link.digest
        OR held.entries <> link.entries OR link.number <> link.link_no
    )
ORDER BY link.link_no
LIMIT 100
