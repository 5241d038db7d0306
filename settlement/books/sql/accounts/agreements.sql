-- The agreements of an account with rails, in the order in which they are used, ended ones last.
-- $1 account_id uuid
SELECT rail, reference, rank, agreed_at, ended_at
FROM agreement
WHERE account_id = $1
ORDER BY ended_at IS NOT NULL, rank, agreed_at
