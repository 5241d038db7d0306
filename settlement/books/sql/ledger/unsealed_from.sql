-- When the first entry was posted that no link holds yet.
SELECT min(posted_at) AS posted_from
FROM ledger_entry
WHERE posted_at >= coalesce((SELECT max(posted_until) FROM ledger_link), '-infinity')
