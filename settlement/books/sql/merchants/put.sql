-- Adds a merchant or replaces what is said of it.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 name text
-- $5 zone text
-- $6 funding text
-- $7 budget_fen bigint
-- $8 budget_coupons integer
-- $9 budget_per text
-- $10 now timestamptz
INSERT INTO merchant (
    partition, garage_id, merchant_id, name, zone, funding, budget_fen, budget_coupons, budget_per, added_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (partition, garage_id, merchant_id) DO UPDATE SET
    name = excluded.name, zone = excluded.zone, funding = excluded.funding, budget_fen = excluded.budget_fen,
    budget_coupons = excluded.budget_coupons, budget_per = excluded.budget_per
