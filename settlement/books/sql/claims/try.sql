-- Uses up a try at a claim that is open, before its code is looked at; no row when none is left.
-- $1 claim_id uuid
-- $2 now timestamptz
UPDATE plate_claim
SET tries_left = tries_left - 1
WHERE claim_id = $1 AND tries_left > 0 AND confirmed_at IS NULL AND expires_at > $2
RETURNING account_id, number, colour, salt, code_hash, tries_left
