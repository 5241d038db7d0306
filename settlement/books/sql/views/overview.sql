-- Cars inside, bills of stays begun since a moment, and items that wait for a person.
-- $1 since timestamptz
SELECT
    (SELECT count(*) FROM session WHERE state = 'inside') AS sessions_inside,
    (SELECT count(*) FROM quarantine WHERE state = 'open') AS review_items,
    billed.bills,
    billed.billed_fen,
    billed.credit_notes,
    billed.credited_fen
FROM (
    SELECT
        count(*) FILTER (WHERE kind = 'bill') AS bills,
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'bill'), 0)::bigint AS billed_fen,
        count(*) FILTER (WHERE kind = 'credit_note') AS credit_notes,
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'credit_note'), 0)::bigint AS credited_fen
    FROM bill
    WHERE entered_at >= $1
        AND partition = ANY (ARRAY(
            SELECT number::smallint FROM installation, generate_series(0, partition_count - 1) AS number
        ))
) AS billed
