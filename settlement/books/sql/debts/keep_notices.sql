-- Keeps what lanes are told of debtors; the same bills have the same reference.
-- $1 reference text[]
-- $2 number text[]
-- $3 colour text[]
-- $4 account_id uuid[]
-- $5 bills text[]
-- $6 owed_fen bigint[]
-- $7 policy_version_id text[]
-- $8 rules text[]
-- $9 now timestamptz
INSERT INTO debt_notice (
    reference, number, colour, account_id, partitions, bill_ids, owed_fen, policy_version_id, rules, noticed_at
)
SELECT
    n.reference, n.number, n.colour, n.account_id,
    ARRAY(SELECT (one ->> 'partition')::smallint FROM jsonb_array_elements(n.bills::jsonb) AS one),
    ARRAY(SELECT (one ->> 'bill_id')::uuid FROM jsonb_array_elements(n.bills::jsonb) AS one),
    n.owed_fen, n.policy_version_id, n.rules::jsonb, $9::timestamptz
FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::text[])
    AS n (reference, number, colour, account_id, bills, owed_fen, policy_version_id, rules)
ON CONFLICT (reference) DO NOTHING
