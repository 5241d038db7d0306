-- How many visits a recipient takes to be inside, by garage.
-- $1 recipient text
-- $2 garage_id text[]
SELECT garage_id, count(*) AS visits
FROM reported_visit
WHERE recipient = $1::text AND garage_id = ANY ($2::text[]) AND is_open AND bill_id IS NULL
GROUP BY garage_id
