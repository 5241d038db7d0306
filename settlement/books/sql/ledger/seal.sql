-- Adds a link to each partition's chain that has entries from the end of the last link of all until a moment; nothing
-- where the moment is not after it.
-- $1 posted_until timestamptz
-- $2 sealed_at timestamptz
WITH sealed AS (
    SELECT coalesce(max(posted_until), '-infinity') AS posted_until FROM ledger_link
),
fresh AS (
    SELECT
        partition, min(posted_at) AS posted_from, count(*) AS entries,
        string_agg(
            ledger_entry_digest(
                partition, posted_at, transaction_id, line, kind, debit_account, credit_account, amount_fen, garage_id,
                bill_id, charge_id
            ),
            NULL ORDER BY posted_at, transaction_id, line
        ) AS digests
    FROM ledger_entry
    CROSS JOIN sealed
    WHERE posted_at >= sealed.posted_until AND posted_at < $1
    GROUP BY partition
),
added AS (
    INSERT INTO ledger_link (partition, link_no, posted_from, posted_until, entries, digest, sealed_at)
    SELECT
        fresh.partition, coalesce(head.link_no, 0) + 1, posted_from, $1, entries,
        sha256(coalesce(head.digest, '') || digests), $2
    FROM fresh
    LEFT JOIN LATERAL (
        SELECT link_no, digest
        FROM ledger_link
        WHERE ledger_link.partition = fresh.partition
        ORDER BY link_no DESC
        LIMIT 1
    ) AS head ON true
    RETURNING entries
)
SELECT coalesce(sum(entries), 0)::bigint AS entries FROM added
