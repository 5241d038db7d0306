-- Adds a merchant's token, if there is such a merchant; says whether it did.
-- $1 token_id text
-- $2 secret_sha256 bytea
-- $3 garage_id text
-- $4 merchant_id text
-- $5 label text
-- $6 now timestamptz
INSERT INTO access_token (token_id, secret_sha256, kind, garage_id, merchant_id, label, added_at)
SELECT $1::text, $2::bytea, 'merchant', garage_id, merchant_id, $5::text, $6::timestamptz
FROM merchant
WHERE garage_id = $3::text AND merchant_id = $4::text
RETURNING token_id
