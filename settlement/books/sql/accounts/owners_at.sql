-- Whose plates were at a moment, of accounts that are not closed; a plate that nobody had gives no row. One whose
-- colour was not seen belongs to an account only when its number was bound once; a disputed binding is nobody's.
-- Nor is a stay anybody's here for which somebody outside vouched: whoever vouches pays.
-- $1 number text[]
-- $2 colour text[]
-- $3 at timestamptz[]
-- $4 garage_id text[]
-- $5 entered_at timestamptz[]
-- $6 clocks_apart interval
WITH wanted AS (
    SELECT *
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[])
        WITH ORDINALITY AS w (number, colour, at, garage_id, entered_at, place)
),
binding AS (
    SELECT number, colour, account_id, bound_at, 'infinity'::timestamptz AS ended_at
    FROM account_plate
    WHERE number = ANY ($1::text[]) AND disputed_at IS NULL
    UNION ALL
    SELECT number, colour, account_id, bound_at, ended_at
    FROM account_plate_ended
    WHERE number = ANY ($1::text[])
)
SELECT wanted.place, (array_agg(binding.account_id))[1] AS account_id
FROM wanted
JOIN binding ON binding.number = wanted.number AND wanted.colour IN (binding.colour, 'unknown')
    AND binding.bound_at <= wanted.at AND wanted.at < binding.ended_at
JOIN account ON account.account_id = binding.account_id AND account.state <> 'closed'
WHERE NOT EXISTS (
    SELECT
    FROM voucher
    WHERE voucher.number = wanted.number AND voucher.garage_id = wanted.garage_id AND voucher.limit_fen > 0
        AND voucher.given_at BETWEEN wanted.entered_at - $6::interval AND wanted.at + $6::interval
)
GROUP BY wanted.place
HAVING count(*) = 1
ORDER BY wanted.place
