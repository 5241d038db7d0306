-- Records that a car inside leaves by another token from now on.
-- $1 partition smallint
-- $2 session_id uuid
-- $3 replaced_at timestamptz
-- $4 garage_id text
-- $5 number text
-- $6 token_digest text
-- $7 replaced_by text
-- $8 reason text
INSERT INTO stay_token_replacement (
    partition, session_id, replaced_at, garage_id, number, token_digest, replaced_by, reason
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (partition, session_id, replaced_at) DO NOTHING
RETURNING session_id
