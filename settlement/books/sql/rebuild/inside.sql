-- The sessions of cars that are inside as far as the books know, with what they paid inside.
SELECT session.partition, session.session_id, session.garage_id, session.number, session.colour,
       session.entered_at, session.entry_lane_id, session.entry_event_id, session.tariff_version_id,
       session.version, session.earlier, coalesce(sum(prepayment.amount_fen), 0)::bigint AS prepaid_fen,
       max(prepayment.received_at) AS prepaid_at
FROM session
LEFT JOIN prepayment USING (partition, session_id)
WHERE session.state = 'inside'
GROUP BY session.partition, session.entered_at, session.session_id
ORDER BY session.entered_at
