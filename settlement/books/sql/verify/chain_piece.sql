-- The last of the links after one that are to be checked together: as many as hold some entries, at least one; NULL
-- where there is none.
-- $1 partition smallint
-- $2 after_link_no bigint
-- $3 entries bigint
SELECT max(link_no) FILTER (WHERE entries_before < $3::bigint) AS link_no
FROM (
    SELECT link_no, sum(entries) OVER (ORDER BY link_no) - entries AS entries_before
    FROM ledger_link
    WHERE partition = $1::smallint AND link_no > $2::bigint
    ORDER BY link_no
    LIMIT 10000
) AS ahead
