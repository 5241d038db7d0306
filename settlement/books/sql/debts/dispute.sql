-- Opens the dispute of a bill; no row when it was disputed before.
-- $1 partition smallint
-- $2 bill_id uuid
-- $3 now timestamptz
-- $4 opened_by text
-- $5 note text
INSERT INTO bill_dispute (partition, bill_id, opened_at, opened_by, note)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (partition, bill_id) DO NOTHING
RETURNING bill_id
