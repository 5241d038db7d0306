-- Keeps which rules told the entries of which garages of a debt; garages that are told the same later are added.
-- $1 reference text[]
-- $2 policy_version_id text[]
-- $3 rules text[]
-- $4 garage_ids text[]
-- $5 now timestamptz
INSERT INTO entry_notice (reference, policy_version_id, rules, garage_ids, noticed_at)
SELECT
    n.reference, n.policy_version_id, n.rules::jsonb, ARRAY(SELECT jsonb_array_elements_text(n.garage_ids::jsonb)),
    $5::timestamptz
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS n (reference, policy_version_id, rules, garage_ids)
ON CONFLICT (reference, policy_version_id, md5(rules::text)) DO UPDATE
SET garage_ids = ARRAY(SELECT DISTINCT unnest(entry_notice.garage_ids || excluded.garage_ids) ORDER BY 1)
WHERE NOT entry_notice.garage_ids @> excluded.garage_ids
