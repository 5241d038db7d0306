-- The entries of a garage's and its operator's lists, the newest first, as many as wanted; ended ones too if asked.
-- $1 garage_id text
-- $2 with_ended boolean
-- $3 limit integer
SELECT
    exemption_id, garage_id, operator_id, number, colour, vehicle_class, cause, cars_inside, valid_from, valid_until,
    added_by, added_at, ended_by, ended_at
FROM exemption
WHERE (garage_id = $1::text OR operator_id = (SELECT operator_id FROM garage WHERE garage_id = $1::text))
    AND ($2::boolean OR ended_at IS NULL)
ORDER BY exemption.added_at DESC, exemption_id
LIMIT $3::integer
