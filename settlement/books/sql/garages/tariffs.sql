-- The price lists of all garages, oldest version first; only that of one where it is named.
-- $1 garage_id text
SELECT garage_tariff.garage_id, garage_tariff.in_force_from, tariff_version.definition
FROM garage_tariff
JOIN tariff_version USING (tariff_version_id)
WHERE $1::text IS NULL OR garage_tariff.garage_id = $1
ORDER BY garage_tariff.garage_id, garage_tariff.in_force_from
