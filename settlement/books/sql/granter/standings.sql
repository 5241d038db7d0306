-- What is known of the account behind each plate, of what it owes, and of what the plate owes by itself; one row
-- a plate. A bill is left out that waits for a person to confirm its plate or its stay: it is nobody's yet. So is one
-- that was credited while its rail is being asked: whatever that has taken goes back.
--
-- A plate whose colour was not seen belongs to an account only when its number is bound once.
-- $1 number text[]
-- $2 colour text[]
-- $3 now timestamptz
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (number, colour, plate_no)
),
owned AS (
    SELECT wanted.plate_no, account_plate.account_id, account_plate.disputed_at IS NOT NULL AS binding_disputed
    FROM wanted
    JOIN account_plate USING (number)
    WHERE account_plate.colour = wanted.colour
        OR (
            wanted.colour = 'unknown'
            AND 1 = (SELECT count(*) FROM account_plate AS bound WHERE bound.number = wanted.number)
        )
)
SELECT
    wanted.plate_no,
    account.account_id,
    account.state = 'active' AS active,
    account.leave_first,
    account.language,
    owned.binding_disputed,
    account.limit_fen,
    account.exposure_limit_fen,
    (
        SELECT count(*)
        FROM agreement
        WHERE agreement.account_id = account.account_id AND agreement.ended_at IS NULL
    ) AS agreements,
    (
        SELECT score FROM account_score WHERE account_score.account_id = account.account_id AND valid_until > $3
    ) AS score,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'bill_id', charge.bill_id, 'garage_id', charge.garage_id, 'operator_id', coalesce(garage.operator_id, '*'),
            'amount_fen', charge.amount_fen, 'raised_at', charge.raised_at, 'state', charge.state,
            'same_attempt', charge.same_attempt, 'disputed', bill_dispute.bill_id IS NOT NULL
        )), '[]')::text
        FROM charge
        LEFT JOIN garage ON garage.garage_id = charge.garage_id
        LEFT JOIN bill_dispute ON bill_dispute.partition = charge.partition
            AND bill_dispute.bill_id = charge.bill_id AND bill_dispute.state = 'open'
        WHERE charge.account_id = account.account_id
            AND charge.state NOT IN ('paid', 'voided', 'collected') AND NOT charge.void_requested
            AND charge.direction = 'collect'
            AND (charge.rail IS NOT NULL OR EXISTS (
                SELECT
                FROM session
                JOIN bill USING (partition, entered_at, session_id)
                WHERE session.session_id = charge.session_id AND bill.bill_id = charge.bill_id
                    AND bill.reason NOT IN ('low_confidence', 'grant_refused') AND charge.last_step <> 'set_aside'
            ))
    ) AS bills,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'bill_id', bill.bill_id, 'garage_id', bill.garage_id, 'operator_id', coalesce(garage.operator_id, '*'),
            'amount_fen', charge.amount_fen, 'raised_at', charge.raised_at, 'state', charge.state,
            'same_attempt', charge.same_attempt, 'disputed', bill_dispute.bill_id IS NOT NULL
        )), '[]')::text
        FROM (
            SELECT partition, bill_id, garage_id
            FROM bill
            WHERE bill.number = wanted.number AND bill.colour = wanted.colour AND bill.account_id IS NULL
                AND bill.amount_fen > bill.prepaid_fen AND bill.kind = 'bill'
                AND bill.reason NOT IN ('low_confidence', 'grant_refused')
            OFFSET 0 -- The plate's bills are looked up first, not every unpaid charge of a city.
        ) AS bill
        LEFT JOIN garage ON garage.garage_id = bill.garage_id
        JOIN charge ON charge.partition = bill.partition AND charge.bill_id = bill.bill_id
            AND charge.direction = 'collect' AND charge.state IN ('unassigned', 'unpaid')
        LEFT JOIN bill_dispute ON bill_dispute.partition = bill.partition
            AND bill_dispute.bill_id = bill.bill_id AND bill_dispute.state = 'open'
        WHERE charge.last_step <> 'set_aside'
    ) AS plate_bills,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'block_id', block.block_id, 'scope', block.scope, 'garage_id', block.garage_id,
            'operator_id', garage.operator_id, 'cause', block.cause
        ) ORDER BY block.added_at), '[]')::text
        FROM block
        JOIN garage USING (garage_id)
        WHERE block.ended_at IS NULL AND block.valid_until > $3::timestamptz
            AND (block.account_id = account.account_id
                OR (block.number = wanted.number AND block.colour = wanted.colour))
    ) AS blocks,
    (
        SELECT coalesce(array_agg(garage_id), '{}')
        FROM debt_waiver
        WHERE debt_waiver.number = wanted.number AND debt_waiver.colour = wanted.colour AND until > $3::timestamptz
    ) AS waived_at,
    (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'rail', latest.rail, 'garage_id', latest.garage_id, 'limit_fen', latest.limit_fen,
            'given_at', latest.given_at
        )), '[]')::text
        FROM (
            SELECT DISTINCT ON (garage_id, rail) garage_id, rail, limit_fen, given_at
            FROM voucher
            WHERE voucher.number = wanted.number
            ORDER BY garage_id, rail, given_at DESC
        ) AS latest
    ) AS vouchers
FROM wanted
LEFT JOIN owned USING (plate_no)
LEFT JOIN account USING (account_id)
ORDER BY wanted.plate_no
