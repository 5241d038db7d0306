-- How many bills of a day, and how much, a rail has collected for some garages by now.
-- $1 rail text
-- $2 garage_id text[]
-- $3 begins timestamptz
SELECT garage.garage_id, count(paid.charge_id) AS payments, coalesce(sum(paid.amount_fen), 0)::bigint AS paid_fen
FROM garage
LEFT JOIN charge AS paid ON paid.partition = garage.partition AND paid.garage_id = garage.garage_id
    AND paid.rail = $1::text AND paid.direction = 'collect' AND paid.state = 'paid'
    AND paid.raised_at >= $3::timestamptz AND paid.raised_at < $3::timestamptz + interval '1 day'
WHERE garage.garage_id = ANY ($2::text[])
GROUP BY garage.garage_id
ORDER BY garage.garage_id
