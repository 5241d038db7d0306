-- Which numbers of visits are taken at a recipient.
-- $1 recipient text
-- $2 uid text[]
SELECT uid FROM reported_visit WHERE recipient = $1::text AND uid = ANY ($2::text[])
