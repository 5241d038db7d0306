-- Opens the dispute of a binding, which then counts for nobody; no row when the plate is not bound, or bound to
-- the claimant, or disputed already.
-- $1 dispute_id uuid
-- $2 number text
-- $3 colour text
-- $4 claimant_id uuid
-- $5 note text
-- $6 opened_by text
-- $7 now timestamptz
WITH bound AS (
    UPDATE account_plate
    SET disputed_at = $7::timestamptz
    WHERE number = $2::text AND colour = $3::text AND account_id <> $4::uuid AND disputed_at IS NULL
    RETURNING account_id
)
INSERT INTO plate_dispute (dispute_id, number, colour, account_id, claimant_id, note, opened_by, opened_at)
SELECT $1::uuid, $2::text, $3::text, bound.account_id, account.account_id, $5::text, $6::text, $7::timestamptz
FROM bound, account
WHERE account.account_id = $4::uuid AND account.state <> 'closed'
RETURNING account_id
