-- A merchant, locked until the end of the transaction: who gives its coupons waits for others who do.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
SELECT garage_id, merchant_id, name, zone, funding, budget_fen, budget_coupons, budget_per
FROM merchant
WHERE partition = $1 AND garage_id = $2 AND merchant_id = $3
FOR NO KEY UPDATE
