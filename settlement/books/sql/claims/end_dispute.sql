-- Ends the dispute of a binding; no row when none is open under this id.
-- $1 dispute_id uuid
-- $2 ended_as text
-- $3 ended_by text
-- $4 now timestamptz
WITH ended AS (
    UPDATE plate_dispute
    SET ended_as = $2::text, ended_by = $3::text, ended_at = $4::timestamptz
    WHERE dispute_id = $1::uuid AND ended_at IS NULL
    RETURNING number, colour, account_id, claimant_id
),
freed AS (
    UPDATE account_plate
    SET disputed_at = NULL
    FROM ended
    WHERE account_plate.number = ended.number AND account_plate.colour = ended.colour
)
SELECT number, colour, account_id, claimant_id FROM ended
