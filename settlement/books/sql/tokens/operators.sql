-- The operators' tokens that are in force.
SELECT token_id, secret_sha256, kind, label
FROM access_token
WHERE kind <> 'controller' AND revoked_at IS NULL
