-- The standing of the account behind each plate; a plate that nobody has bound gives no row. What no rail may
-- be asked for, because nobody has confirmed the plate, counts against nobody.
--
-- A plate whose colour was not seen belongs to an account only when its number is bound once.
-- $1 number text[]
-- $2 colour text[]
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (number, colour, plate_no)
),
owned AS (
    SELECT wanted.plate_no, account_plate.account_id
    FROM wanted
    JOIN account_plate USING (number)
    WHERE account_plate.colour = wanted.colour
        OR (
            wanted.colour = 'unknown'
            AND 1 = (SELECT count(*) FROM account_plate AS bound WHERE bound.number = wanted.number)
        )
)
SELECT
    owned.plate_no,
    account.account_id,
    account.state = 'active' AS active,
    account.limit_fen,
    account.exposure_limit_fen,
    EXISTS (
        SELECT FROM agreement WHERE agreement.account_id = account.account_id AND agreement.ended_at IS NULL
    ) AS has_agreement,
    coalesce(owing.exposure_fen, 0)::bigint AS exposure_fen,
    coalesce(owing.has_debt, false) AS has_debt
FROM owned
JOIN account USING (account_id)
LEFT JOIN LATERAL (
    SELECT sum(charge.amount_fen) AS exposure_fen, bool_or(charge.state = 'unpaid') AS has_debt
    FROM charge
    WHERE charge.account_id = account.account_id
        AND charge.state NOT IN ('paid', 'voided')
        AND charge.direction = 'collect'
        AND charge.rail IS NOT NULL
) AS owing ON true
ORDER BY owned.plate_no
