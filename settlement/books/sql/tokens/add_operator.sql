-- Adds an operator's token.
-- $1 token_id text
-- $2 secret_sha256 bytea
-- $3 kind text
-- $4 label text
-- $5 now timestamptz
INSERT INTO access_token (token_id, secret_sha256, kind, label, added_at)
VALUES ($1, $2, $3, $4, $5)
