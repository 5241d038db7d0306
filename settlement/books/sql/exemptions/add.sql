-- Adds an entry to a list of exemptions, once; answers whether it is the one on record.
-- $1 exemption_id text
-- $2 garage_id text
-- $3 operator_id text
-- $4 number text
-- $5 colour text
-- $6 vehicle_class text
-- $7 cause text
-- $8 cars_inside text
-- $9 valid_from timestamptz
-- $10 valid_until timestamptz
-- $11 added_by text
-- $12 now timestamptz
WITH added AS (
    INSERT INTO exemption (
        exemption_id, garage_id, operator_id, number, colour, vehicle_class, cause, cars_inside, valid_from,
        valid_until, added_by, added_at
    )
    VALUES (
        $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::timestamptz,
        $10::timestamptz, $11::text, $12::timestamptz
    )
    ON CONFLICT (exemption_id) DO NOTHING
    RETURNING exemption_id
)
SELECT
    EXISTS (SELECT FROM added)
    OR EXISTS (
        SELECT FROM exemption
        WHERE exemption_id = $1::text
            AND (garage_id, operator_id, number, colour, vehicle_class, cause, cars_inside, valid_from, valid_until)
                IS NOT DISTINCT FROM (
                    $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::timestamptz,
                    $10::timestamptz
                )
    ) AS on_record
