-- Keeps an account's credit score; no row when there is no such account.
-- $1 account_id uuid
-- $2 score integer
-- $3 source text
-- $4 now timestamptz
-- $5 valid_until timestamptz
INSERT INTO account_score (account_id, score, source, put_at, valid_until)
SELECT account_id, $2::integer, $3::text, $4::timestamptz, $5::timestamptz
FROM account
WHERE account_id = $1::uuid
ON CONFLICT (account_id) DO UPDATE SET
    score = excluded.score, source = excluded.source, put_at = excluded.put_at, valid_until = excluded.valid_until
RETURNING account_id
