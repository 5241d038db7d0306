-- All keys, the youngest first.
SELECT key_id, public_key, made_at, retired_at, revoked_at FROM grant_key ORDER BY made_at DESC, key_id
