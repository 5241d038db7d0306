-- All garages, each with its lanes; only one where it is named.
-- $1 garage_id text
SELECT
    garage.garage_id,
    garage.name,
    garage.spaces,
    garage.policy::text AS policy,
    garage.operator_id,
    garage.latitude_microdegrees,
    garage.longitude_microdegrees,
    coalesce(array_agg(lane.lane_id ORDER BY lane.lane_id) FILTER (WHERE lane.lane_id IS NOT NULL), '{}') AS lane_ids,
    coalesce(array_agg(lane.direction ORDER BY lane.lane_id) FILTER (WHERE lane.lane_id IS NOT NULL), '{}')
        AS directions
FROM garage
LEFT JOIN lane USING (partition, garage_id)
WHERE $1::text IS NULL OR garage.garage_id = $1
GROUP BY garage.partition, garage.garage_id
ORDER BY garage.garage_id
