-- How many events were captured since a moment, by what became of them.
-- $1 since timestamptz
SELECT result, count(*) AS events
FROM gate_event
WHERE captured_at >= $1
    AND partition = ANY (ARRAY(
        SELECT number::smallint FROM installation, generate_series(0, partition_count - 1) AS number
    ))
GROUP BY result
ORDER BY result
