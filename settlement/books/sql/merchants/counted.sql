-- What counts against the budget of a merchant, of coupons given in some months; one that was used lately counts with
-- what it may cost, because its exit may be undone.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 from_month date
-- $5 to_month date
-- $6 used_since timestamptz
SELECT
    coalesce(sum(
        CASE WHEN state = 'used' AND moved_at > $6::timestamptz THEN reserved_fen ELSE counted_fen END
    ), 0)::bigint AS fen,
    count(*) AS coupons
FROM coupon
WHERE partition = $1 AND garage_id = $2 AND merchant_id = $3 AND state IN ('given', 'used')
    AND month BETWEEN $4 AND $5
