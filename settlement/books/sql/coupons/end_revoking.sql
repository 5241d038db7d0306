-- Ends the revocation of a coupon that a stay has: it is revoked, because the stay has it no more, or it stays given.
-- $1 partition smallint
-- $2 garage_id text
-- $3 merchant_id text
-- $4 coupon_id text
-- $5 revoked boolean
-- $6 now timestamptz
UPDATE coupon SET
    revoked_at = CASE WHEN $5::boolean THEN revoked_at END,
    state = CASE WHEN $5::boolean AND state = 'given' THEN 'revoked' ELSE state END,
    previous_state = CASE WHEN $5::boolean AND state = 'given' THEN state ELSE previous_state END,
    last_step = CASE WHEN $5::boolean AND state = 'given' THEN 'revoked' ELSE last_step END,
    counted_fen = CASE WHEN $5::boolean AND state = 'given' THEN 0 ELSE counted_fen END,
    moved_at = CASE WHEN $5::boolean AND state = 'given' THEN $6::timestamptz ELSE moved_at END
WHERE partition = $1::smallint AND garage_id = $2::text AND merchant_id = $3::text AND coupon_id = $4::text
    AND revoked_at IS NOT NULL AND state <> 'revoked'
