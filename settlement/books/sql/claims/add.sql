-- Opens a claim of an account to a plate; no row when there is no such account, or it is closed.
-- $1 claim_id uuid
-- $2 account_id uuid
-- $3 number text
-- $4 colour text
-- $5 salt bytea
-- $6 code_hash bytea
-- $7 now timestamptz
-- $8 expires_at timestamptz
-- $9 tries smallint
INSERT INTO plate_claim (
    claim_id, account_id, number, colour, salt, code_hash, issued_at, expires_at, tries_left
)
SELECT $1::uuid, account_id, $3::text, $4::text, $5::bytea, $6::bytea, $7::timestamptz, $8::timestamptz, $9::smallint
FROM account
WHERE account_id = $2::uuid AND state <> 'closed'
RETURNING claim_id
