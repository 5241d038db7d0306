-- Changes what is given of an account's limits and state, unless it is closed: that is final. Answers with
-- the state before; no row when there is no such account.
-- $1 account_id uuid
-- $2 limit_fen bigint
-- $3 exposure_limit_fen bigint
-- $4 state text
WITH found AS MATERIALIZED (
    SELECT account_id, state FROM account WHERE account_id = $1::uuid FOR UPDATE
),
changed AS (
    UPDATE account
    SET limit_fen = coalesce($2::bigint, account.limit_fen),
        exposure_limit_fen = coalesce($3::bigint, account.exposure_limit_fen),
        state = coalesce($4::text, account.state)
    FROM found
    WHERE account.account_id = found.account_id AND found.state <> 'closed'
)
SELECT state FROM found
