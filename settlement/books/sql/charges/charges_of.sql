-- The charges of some bills of one partition, refunds after what they give back.
-- $1 partition smallint
-- $2 bill_ids uuid[]
SELECT partition, charge_id, direction, garage_id, bill_id, session_id, account_id, rail, agreement,
       amount_fen, state, attempts, asked, void_requested, last_code, raised_at, next_at
FROM charge
WHERE partition = $1::smallint AND bill_id = ANY ($2::uuid[])
ORDER BY bill_id, direction
