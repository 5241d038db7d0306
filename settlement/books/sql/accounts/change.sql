-- Changes what is given of an account's limits, state and preferences, unless it is closed: that is final. Answers with
-- the state before; no row when there is no such account.
-- $1 account_id uuid
-- $2 limit_fen bigint
-- $3 exposure_limit_fen bigint
-- $4 state text
-- $5 leave_first boolean
-- $6 language text
WITH found AS MATERIALIZED (
    SELECT account_id, state FROM account WHERE account_id = $1::uuid FOR UPDATE
),
changed AS (
    UPDATE account
    SET limit_fen = coalesce($2::bigint, account.limit_fen),
        exposure_limit_fen = coalesce($3::bigint, account.exposure_limit_fen),
        state = coalesce($4::text, account.state),
        leave_first = coalesce($5::boolean, account.leave_first),
        language = coalesce($6::text, account.language)
    FROM found
    WHERE account.account_id = found.account_id AND found.state <> 'closed'
)
SELECT state FROM found
