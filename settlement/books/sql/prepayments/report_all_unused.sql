-- Puts before a person what was paid inside for a stay that is over and that no bill which stands has used: as one
-- item, and once it is resolved not again before something is paid, given back, billed or credited for the stay. What
-- has an item of its own already is left out; so is what ended or was paid just now, because its bill, or that item,
-- may be on the way.
-- $1 now timestamptz
-- $2 paid_from timestamptz
-- $3 over_until timestamptz
-- $4 session_id uuid
WITH looked_at AS (
    SELECT DISTINCT session_id
    FROM prepayment
    WHERE received_at >= $2::timestamptz AND ($4::uuid IS NULL OR session_id = $4::uuid)
),
paid AS (
    SELECT
        prepayment.partition, prepayment.garage_id, prepayment.session_id,
        sum(prepayment.amount_fen)::bigint AS paid_fen,
        coalesce(sum(prepayment.amount_fen) FILTER (WHERE item.item_id IS NOT NULL), 0)::bigint AS reported_fen
    FROM looked_at
    JOIN prepayment USING (session_id)
    LEFT JOIN quarantine AS item ON item.partition = prepayment.partition
        AND item.item_id = format('prepayment:%s/%s', prepayment.garage_id, prepayment.prepayment_id)
    GROUP BY prepayment.partition, prepayment.garage_id, prepayment.session_id
    HAVING max(prepayment.received_at) <= $3::timestamptz
),
used AS (
    SELECT
        paid.*, session.state, coalesce(standing.used_fen, 0) AS used_fen, standing.bills,
        (
            SELECT coalesce(sum(refund.amount_fen), 0)::bigint
            FROM prepayment_refund AS refund
            WHERE refund.partition = paid.partition AND refund.session_id = paid.session_id
        ) AS refunded_fen
    FROM paid
    JOIN session ON session.session_id = paid.session_id AND session.partition = paid.partition
    LEFT JOIN LATERAL (
        SELECT
            sum(CASE bill.kind WHEN 'bill' THEN bill.prepaid_fen ELSE -bill.prepaid_fen END)::bigint AS used_fen,
            count(*) AS bills
        FROM bill
        WHERE bill.partition = session.partition AND bill.entered_at = session.entered_at
            AND bill.session_id = session.session_id
    ) AS standing ON true
    WHERE session.state <> 'inside' AND (session.left_at IS NULL OR session.left_at <= $3::timestamptz)
),
reported AS (
    INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
    SELECT
        partition, format('prepaid:%s/%s/%s', session_id, paid_fen - refunded_fen, bills), garage_id, 'prepaid_unused',
        jsonb_build_object(
            'session_id', session_id, 'state', state, 'paid_fen', paid_fen, 'used_fen', used_fen,
            'amount_fen', paid_fen - used_fen - greatest(reported_fen, refunded_fen)
        ),
        $1::timestamptz
    FROM used
    WHERE paid_fen > used_fen + greatest(reported_fen, refunded_fen)
        AND NOT EXISTS (
            SELECT FROM quarantine AS item
            WHERE item.partition = used.partition AND item.garage_id = used.garage_id AND item.state = 'open'
                AND item.cause = 'prepaid_unused' AND item.details ->> 'session_id' = used.session_id::text
        )
    ON CONFLICT (partition, item_id) DO NOTHING
    RETURNING item_id
)
SELECT count(*) FROM reported
