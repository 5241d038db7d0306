-- Reports for a recipient that have not arrived, in their order, but of no garage that rests.
-- $1 recipient text
-- $2 resting text[]
-- $3 limit bigint
SELECT garage_id, place, operation, body, added_at
FROM outgoing_report
WHERE recipient = $1::text AND garage_id <> ALL ($2::text[])
ORDER BY place
LIMIT $3::bigint
