-- Items of one garage, or of all, that wait for a person, oldest first, after a place in that order.
-- $1 garage_id text
-- $2 cause text
-- $3 after_opened_at timestamptz
-- $4 after_item_id text
-- $5 limit bigint
SELECT partition, item_id, garage_id, cause, details::text AS details, finding::text AS finding, opened_at, state,
       resolution, resolved_by, resolved_at, note
FROM quarantine
WHERE state = 'open'
    AND ($1::text IS NULL OR garage_id = $1)
    AND ($2::text IS NULL OR cause = $2)
    AND (opened_at, item_id) > ($3, $4)
ORDER BY opened_at, item_id
LIMIT $5
