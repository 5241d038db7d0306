-- What a reference stands for.
-- $1 reference text
SELECT reference, number, colour, account_id, partitions, bill_ids, owed_fen, policy_version_id, noticed_at
FROM debt_notice
WHERE reference = $1
