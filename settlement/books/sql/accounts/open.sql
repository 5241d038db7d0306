-- Opens accounts with their plates and agreements, all that can be opened; says of each what became of it.
-- An account that is there with the same content counts as opened before. One that is there with other
-- content, or claims a plate of another account, is left out as a whole. Two accounts of one call that claim
-- the same plate are both left out.
--
-- Membership is tested as "(... IN ...) IS TRUE", which is looked up in a hash table whatever the planner
-- thinks of the size of an array.
--
-- $1 account_id uuid[]
-- $2 holder text[]
-- $3 limit_fen bigint[]
-- $4 exposure_limit_fen bigint[]
-- The plates:
-- $5 account_id uuid[]
-- $6 number text[]
-- $7 colour text[]
-- The agreements:
-- $8 account_id uuid[]
-- $9 rail text[]
-- $10 reference text[]
-- $11 rank smallint[]
-- And when:
-- $12 now timestamptz
WITH given AS (
    SELECT *
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[])
        WITH ORDINALITY AS g (account_id, holder, limit_fen, exposure_limit_fen, place)
),
plate AS (
    SELECT * FROM unnest($5::uuid[], $6::text[], $7::text[]) AS p (account_id, number, colour)
),
agreed AS (
    SELECT *
    FROM unnest($8::uuid[], $9::text[], $10::text[], $11::smallint[]) AS a (account_id, rail, reference, rank)
),
known AS (
    SELECT account_id, holder, limit_fen, exposure_limit_fen FROM account WHERE account_id = ANY ($1::uuid[])
),
claimed AS (
    SELECT plate.account_id
    FROM plate
    LEFT JOIN account_plate USING (number, colour)
    WHERE account_plate.account_id <> plate.account_id
    UNION
    SELECT unnest(array_agg(account_id))
    FROM plate
    GROUP BY number, colour
    HAVING count(DISTINCT account_id) > 1
),
other AS (
    SELECT given.account_id
    FROM given
    JOIN known USING (account_id)
    WHERE (given.holder, given.limit_fen, given.exposure_limit_fen)
        <> (known.holder, known.limit_fen, known.exposure_limit_fen)
    UNION
    SELECT plate.account_id
    FROM plate
    JOIN known USING (account_id)
    LEFT JOIN account_plate USING (number, colour, account_id)
    WHERE account_plate.bound_at IS NULL
    UNION
    SELECT agreed.account_id
    FROM agreed
    JOIN known USING (account_id)
    LEFT JOIN agreement USING (account_id, rail, reference, rank)
    WHERE agreement.agreed_at IS NULL
),
verdict AS (
    SELECT
        given.*,
        CASE
            WHEN (account_id IN (SELECT account_id FROM other)) IS TRUE THEN 'exists'
            WHEN (account_id IN (SELECT account_id FROM known)) IS TRUE THEN 'opened_before'
            WHEN (account_id IN (SELECT account_id FROM claimed)) IS TRUE THEN 'plate_taken'
            ELSE 'opened'
        END AS result
    FROM given
),
opened AS (
    INSERT INTO account (account_id, holder, state, limit_fen, exposure_limit_fen, opened_at)
    SELECT account_id, holder, 'active', limit_fen, exposure_limit_fen, $12::timestamptz
    FROM verdict
    WHERE result = 'opened'
    RETURNING account_id
),
bound AS (
    INSERT INTO account_plate (number, colour, account_id, bound_at)
    SELECT number, colour, account_id, $12::timestamptz
    FROM plate
    WHERE (account_id IN (SELECT account_id FROM opened)) IS TRUE
),
concluded AS (
    INSERT INTO agreement (account_id, rail, reference, rank, agreed_at)
    SELECT account_id, rail, reference, rank, $12::timestamptz
    FROM agreed
    WHERE (account_id IN (SELECT account_id FROM opened)) IS TRUE
)
SELECT result FROM verdict ORDER BY place
