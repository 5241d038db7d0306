-- Whose plates were at a moment, of accounts that are not closed; a plate that nobody had gives no row. One whose
-- colour was not seen belongs to an account only when its number was bound once; a disputed binding is nobody's.
-- $1 number text[]
-- $2 colour text[]
-- $3 at timestamptz[]
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS w (number, colour, at, place)
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
GROUP BY wanted.place
HAVING count(*) = 1
ORDER BY wanted.place
