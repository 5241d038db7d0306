-- One item, by its id alone: one probe of the key for each partition.
-- $1 item_id text
SELECT partition, item_id, garage_id, cause, details::text AS details, finding::text AS finding, opened_at, state,
       resolution, resolved_by, resolved_at, note
FROM quarantine
WHERE partition = ANY (ARRAY(
        SELECT number::smallint FROM installation, generate_series(0, partition_count - 1) AS number
    ))
    AND item_id = $1
