-- Gives a coupon where the budget of its merchant, whose row the caller has locked, bears it and its plate has not
-- as many of the template already; says whether it did, and what stands against it. One that was used lately counts
-- with what it may cost, because its exit may be undone.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 coupon_id text
-- $5 template_id text
-- $6 per_stay_max smallint
-- $7 number text
-- $8 only_session_id uuid
-- $9 terms text
-- $10 reserved_fen bigint
-- $11 month date
-- $12 given_by text
-- $13 given_at timestamptz
-- $14 valid_until timestamptz
-- $15 budget_fen bigint
-- $16 budget_coupons integer
-- $17 from_month date
-- $18 to_month date
-- $19 used_since timestamptz
WITH counted AS (
    SELECT
        coalesce(sum(
            CASE WHEN state = 'used' AND moved_at > $19::timestamptz THEN reserved_fen ELSE counted_fen END
        ), 0) AS fen,
        count(*) AS coupons
    FROM coupon
    WHERE partition = $1::smallint AND garage_id = $2::text AND merchant_id = $3::text
        AND state IN ('given', 'used') AND month BETWEEN $17::date AND $18::date
),
waiting AS (
    SELECT count(*) AS coupons
    FROM coupon
    WHERE partition = $1::smallint AND garage_id = $2::text AND number = $7::text AND state = 'given'
        AND merchant_id = $3::text AND template_id = $5::text
),
borne AS (
    SELECT
        coalesce(counted.fen + $10::bigint <= $15::bigint, true)
            AND coalesce(counted.coupons < $16::integer, true) AS by_budget,
        waiting.coupons < $6::smallint AS by_stay
    FROM counted, waiting
),
given AS (
    INSERT INTO coupon (
        partition, garage_id, merchant_id, coupon_id, template_id, per_stay_max, number, only_session_id, terms,
        reserved_fen, counted_fen, month, given_by, given_at, valid_until, state, previous_state, last_step, moved_at
    )
    SELECT
        $1::smallint, $2::text, $3::text, $4::text, $5::text, $6::smallint, $7::text, $8::uuid, $9::text, $10::bigint,
        $10::bigint, $11::date, $12::text, $13::timestamptz, $14::timestamptz, 'given', 'none', 'given',
        $13::timestamptz
    FROM borne
    WHERE by_budget AND by_stay
)
SELECT by_budget, by_stay FROM borne
