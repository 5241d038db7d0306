-- The sessions of some plate numbers at a garage since a moment, and the last one of each before that, if no exit has
-- ended it; with entry and exit by the bill in force, whether a person has settled it, and what was paid inside.
-- $1 partition smallint
-- $2 garage_id text
-- $3 numbers text[]
-- $4 since timestamptz
-- $5 open_since timestamptz
-- $6 corrected_by text
SELECT session.session_id, session.garage_id, session.number, session.colour, session.entered_at,
       session.entry_lane_id, session.entry_event_id, session.tariff_version_id, session.account_id, session.version,
       session.earlier, session.state,
       CASE WHEN NOT EXISTS (
           SELECT FROM bill AS note
           WHERE note.partition = in_force.partition AND note.entered_at = in_force.entered_at
               AND note.credits_bill_id = in_force.bill_id
       ) THEN in_force.left_at END AS billed_until,
       coalesce(in_force.stay_from, session.entered_at) AS billed_from,
       in_force.benefits, coalesce(in_force.correction, 0) AS corrections, coalesce(in_force.amount_fen, 0) AS billed_fen,
       EXISTS (
           SELECT FROM correction
           WHERE correction.partition = session.partition AND correction.session_id = session.session_id
               AND correction.corrected_by <> $6
       ) OR EXISTS (
           SELECT FROM quarantine AS item
           WHERE item.partition = session.partition AND item.item_id = 'session:' || session.session_id
               AND item.resolved_by <> $6
       ) AS corrected,
       paid.prepaid_fen, paid.prepaid_at
FROM session
LEFT JOIN LATERAL (
    SELECT partition, entered_at, bill_id, stay_from, left_at, benefits, correction, amount_fen
    FROM bill
    WHERE bill.partition = session.partition AND bill.entered_at = session.entered_at
        AND bill.session_id = session.session_id AND bill.version = session.version AND bill.kind = 'bill'
    ORDER BY bill.correction DESC
    LIMIT 1
) AS in_force ON session.state = 'closed'
CROSS JOIN LATERAL (
    SELECT
        (
            coalesce(sum(amount_fen), 0) - (
                SELECT coalesce(sum(refund.amount_fen), 0)
                FROM prepayment_refund AS refund
                WHERE refund.partition = session.partition AND refund.session_id = session.session_id
            )
        )::bigint AS prepaid_fen,
        max(received_at) FILTER (WHERE NOT needless) AS prepaid_at
    FROM prepayment
    WHERE prepayment.partition = session.partition AND prepayment.session_id = session.session_id
) AS paid
WHERE session.partition = $1 AND session.garage_id = $2 AND session.number = ANY ($3::text[])
    AND (
        session.entered_at >= $4
        OR session.entered_at >= $5 AND session.state IN ('inside', 'superseded') AND NOT EXISTS (
            SELECT FROM session AS later
            WHERE later.number = session.number AND later.entered_at > session.entered_at AND later.entered_at < $4
                AND later.partition = session.partition AND later.garage_id = session.garage_id
                AND later.state <> 'voided'
        )
    )
