-- The tokens of operators and merchants that are in force.
SELECT token_id, secret_sha256, kind, label, garage_id, merchant_id
FROM access_token
WHERE kind <> 'controller' AND revoked_at IS NULL
