-- All tokens, without their secrets.
SELECT token_id, kind, garage_id, controller_id, lane_ids, merchant_id, label, added_at, revoked_at, device
FROM access_token
ORDER BY added_at, token_id
