-- What became of a merchant's coupons between two moments, what it owed for them and what it paid; opening_fen is
-- what it owed at the first of them.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 begins_at timestamptz
-- $5 ends_at timestamptz
SELECT
    coupons.given, coupons.revoked, coupons.expired, used.uses, used.funded_fen, released.uses AS freed,
    released.released_fen, paid.paid_fen, used.before_fen - released.before_fen - paid.before_fen AS opening_fen
FROM (
    SELECT
        count(*) FILTER (WHERE given_at >= $4 AND given_at < $5) AS given,
        count(*) FILTER (WHERE state = 'revoked' AND moved_at >= $4 AND moved_at < $5) AS revoked,
        count(*) FILTER (WHERE state = 'expired' AND moved_at >= $4 AND moved_at < $5) AS expired
    FROM coupon
    WHERE partition = $1 AND garage_id = $2 AND merchant_id = $3
) AS coupons,
(
    SELECT
        count(*) FILTER (WHERE used_at >= $4) AS uses,
        coalesce(sum(owed_fen) FILTER (WHERE used_at >= $4), 0)::bigint AS funded_fen,
        coalesce(sum(owed_fen) FILTER (WHERE used_at < $4), 0)::bigint AS before_fen
    FROM coupon_use
    WHERE partition = $1 AND garage_id = $2 AND merchant_id = $3 AND used_at < $5
) AS used,
(
    SELECT
        count(*) FILTER (WHERE released_at >= $4) AS uses,
        coalesce(sum(owed_fen) FILTER (WHERE released_at >= $4), 0)::bigint AS released_fen,
        coalesce(sum(owed_fen) FILTER (WHERE released_at < $4), 0)::bigint AS before_fen
    FROM coupon_use
    WHERE partition = $1 AND garage_id = $2 AND merchant_id = $3 AND released_at < $5
) AS released,
(
    SELECT
        coalesce(sum(amount_fen) FILTER (WHERE received_at >= $4), 0)::bigint AS paid_fen,
        coalesce(sum(amount_fen) FILTER (WHERE received_at < $4), 0)::bigint AS before_fen
    FROM merchant_payment
    WHERE partition = $1 AND garage_id = $2 AND merchant_id = $3 AND received_at < $5
) AS paid
