-- Puts agreements of an account in force, in their order, also those that had ended.
-- $1 account_id uuid
-- $2 rail text[]
-- $3 reference text[]
-- $4 rank smallint[]
-- $5 now timestamptz
INSERT INTO agreement (account_id, rail, reference, rank, agreed_at)
SELECT $1::uuid, a.rail, a.reference, a.rank, $5::timestamptz
FROM unnest($2::text[], $3::text[], $4::smallint[]) AS a (rail, reference, rank)
ON CONFLICT (account_id, rail, reference) DO UPDATE SET rank = excluded.rank, ended_at = NULL
