-- The sessions of cars that are inside as far as the books know, with what they paid inside, and for a car without a
-- plate the digest of the token that it leaves by.
SELECT session.partition, session.session_id, session.garage_id, session.number, session.colour,
       session.entered_at, session.entry_lane_id, session.entry_event_id, session.tariff_version_id,
       session.version, session.earlier, (
           coalesce(sum(prepayment.amount_fen), 0) - (
               SELECT coalesce(sum(refund.amount_fen), 0)
               FROM prepayment_refund AS refund
               WHERE refund.partition = session.partition AND refund.session_id = session.session_id
           )
       )::bigint AS prepaid_fen,
       max(prepayment.received_at) FILTER (WHERE NOT prepayment.needless) AS prepaid_at,
       CASE WHEN session.number ~ '^无[A-Z0-9]{15}$' THEN coalesce(
           (
               SELECT token_digest
               FROM stay_token_replacement
               WHERE stay_token_replacement.partition = session.partition
                   AND stay_token_replacement.session_id = session.session_id
               ORDER BY replaced_at DESC
               LIMIT 1
           ),
           (
               SELECT token_digest
               FROM gate_event
               WHERE gate_event.partition = session.partition AND gate_event.captured_at = session.entered_at
                   AND gate_event.garage_id = session.garage_id AND gate_event.event_id = session.entry_event_id
           )
       ) END AS token_digest
FROM session
LEFT JOIN prepayment USING (partition, session_id)
WHERE session.state = 'inside'
GROUP BY session.partition, session.entered_at, session.session_id
ORDER BY session.entered_at
