-- An attendant lets a debtor pass at a garage for a while; no row when there is no such garage.
-- $1 garage_id text
-- $2 number text
-- $3 colour text
-- $4 now timestamptz
-- $5 waived_by text
-- $6 note text
-- $7 until timestamptz
INSERT INTO debt_waiver (garage_id, number, colour, waived_at, waived_by, note, until)
SELECT garage_id, $2::text, $3::text, $4::timestamptz, $5::text, $6::text, $7::timestamptz
FROM garage
WHERE garage_id = $1::text
ON CONFLICT (garage_id, number, colour, waived_at) DO NOTHING
RETURNING garage_id
