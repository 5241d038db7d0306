-- Notes that a claim is proven.
-- $1 claim_id uuid
-- $2 now timestamptz
UPDATE plate_claim SET confirmed_at = $2 WHERE claim_id = $1 AND confirmed_at IS NULL RETURNING claim_id
