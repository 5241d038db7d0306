-- By what the entries of a garage had been told of a debt when they answered.
-- $1 reference text
-- $2 garage_id text
-- $3 answered_at timestamptz
SELECT entry_notice.policy_version_id, entry_notice.rules::text AS rules, owed_fen
FROM entry_notice
JOIN debt_notice USING (reference)
WHERE reference = $1 AND $2 = ANY(garage_ids)
ORDER BY entry_notice.noticed_at <= $3 DESC, entry_notice.noticed_at DESC
LIMIT 1
