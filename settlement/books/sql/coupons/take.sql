-- Has stays take the coupons that wait for their plates, and answers with all that each has, oldest first.
--
-- A coupon that another stay has is free when that one has ended without using it. What a bill of the stay itself
-- has used counts as had: the car is inside, so that bill is about to be credited.
-- $1 partition smallint[]
-- $2 garage_id text[]
-- $3 session_id uuid[]
-- $4 number text[]
-- $5 as_of timestamptz[]
-- $6 coupons_max integer
WITH wanted AS (
    SELECT *
    FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[])
        WITH ORDINALITY AS w (partition, garage_id, session_id, number, as_of, place)
),
had AS (
    SELECT wanted.place, coupon.merchant_id, coupon.template_id, coupon.coupon_id, coupon.given_at, coupon.terms
    FROM wanted
    JOIN coupon USING (partition, garage_id, session_id)
    WHERE coupon.state IN ('given', 'used') AND coupon.revoked_at IS NULL
),
free AS (
    SELECT
        wanted.place, wanted.session_id, coupon.session_id AS was_session_id, coupon.partition, coupon.garage_id,
        coupon.merchant_id, coupon.template_id, coupon.coupon_id, coupon.given_at,
        row_number() OVER (
            PARTITION BY wanted.place, coupon.merchant_id, coupon.template_id
            ORDER BY coupon.given_at, coupon.coupon_id
        ) <= coupon.per_stay_max - (
            SELECT count(*)
            FROM had
            WHERE had.place = wanted.place AND had.merchant_id = coupon.merchant_id
                AND had.template_id = coupon.template_id
        ) AS within_template
    FROM wanted
    JOIN coupon ON coupon.partition = wanted.partition AND coupon.garage_id = wanted.garage_id
        AND coupon.number = wanted.number
    WHERE coupon.state = 'given' AND coupon.revoked_at IS NULL
        AND coupon.given_at <= wanted.as_of AND coupon.valid_until > wanted.as_of
        AND coalesce(coupon.only_session_id, wanted.session_id) = wanted.session_id
        AND coupon.session_id IS DISTINCT FROM wanted.session_id
        AND (
            coupon.session_id IS NULL
            OR EXISTS (
                SELECT
                FROM session
                WHERE session.session_id = coupon.session_id AND session.state IN ('closed', 'voided')
            )
        )
),
next AS (
    SELECT
        free.*,
        row_number() OVER (PARTITION BY place ORDER BY given_at, coupon_id) <= $6::integer - (
            SELECT count(*) FROM had WHERE had.place = free.place
        ) AS within_stay
    FROM free
    WHERE within_template
),
taken AS (
    UPDATE coupon SET session_id = next.session_id
    FROM next
    WHERE next.within_stay AND coupon.partition = next.partition AND coupon.garage_id = next.garage_id
        AND coupon.merchant_id = next.merchant_id AND coupon.coupon_id = next.coupon_id
        AND coupon.state = 'given' AND coupon.revoked_at IS NULL
        AND coupon.session_id IS NOT DISTINCT FROM next.was_session_id
    RETURNING next.place, coupon.given_at, coupon.coupon_id, coupon.terms
)
SELECT place, terms
FROM (
    SELECT place, given_at, coupon_id, terms FROM had
    UNION ALL
    SELECT place, given_at, coupon_id, terms FROM taken
) AS found
ORDER BY place, given_at, coupon_id
