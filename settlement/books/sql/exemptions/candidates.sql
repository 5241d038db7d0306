-- The entries that may be about some stays; a row for each stay and entry.
-- $1 garage_id text[]
-- $2 number text[]
-- $3 vehicle_class text[]
WITH stay AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
        WITH ORDINALITY AS s (garage_id, number, vehicle_class, stay_no)
)
SELECT
    stay.stay_no, exemption_id, exemption.garage_id, exemption.operator_id, exemption.number, colour,
    exemption.vehicle_class, cause, cars_inside, valid_from, valid_until, exemption.added_at, ended_at
FROM stay
JOIN garage ON garage.garage_id = stay.garage_id
JOIN exemption ON (exemption.number = stay.number OR exemption.vehicle_class = stay.vehicle_class)
    AND (exemption.garage_id = stay.garage_id OR exemption.operator_id = garage.operator_id)
ORDER BY stay.stay_no
