-- The controllers' tokens that are in force.
SELECT token_id, secret_sha256, garage_id, controller_id, lane_ids, device
FROM access_token
WHERE kind = 'controller' AND revoked_at IS NULL
ORDER BY token_id
