-- Has bills collected by the rail of who vouched for their cars: those that left while the visit was reported to
-- it, that nobody here has to pay, that no person has to confirm first, and that come to no more than was promised
-- during the stay. Their agreement is the visit's number there. One that is corrected waits until nothing is to be
-- asked, or was taken, for the one before; where the plate was wrong, nobody spoke for the right one.
-- $1 rail text
-- $2 now timestamptz
-- $3 collect_delay interval
-- $4 clocks_apart interval
WITH found AS (
    SELECT charge.partition, charge.charge_id, visit.uid, bill.left_at
    FROM reported_visit AS visit
    JOIN bill USING (partition, entered_at, session_id)
    JOIN charge ON charge.partition = bill.partition AND charge.bill_id = bill.bill_id
        AND charge.direction = 'collect' AND charge.state = 'unassigned' AND charge.last_step = 'raised_unassigned'
        AND charge.account_id IS NULL
    WHERE visit.recipient = $1::text AND visit.is_open
        AND bill.kind = 'bill' AND bill.reason NOT IN ('low_confidence', 'grant_refused')
        AND EXISTS (
            SELECT
            FROM voucher
            WHERE voucher.number = bill.number AND voucher.garage_id = bill.garage_id AND voucher.rail = $1::text
                AND voucher.limit_fen >= charge.amount_fen
                AND voucher.given_at BETWEEN bill.entered_at - $4::interval AND bill.left_at + $4::interval
        )
        AND (
            bill.correction = 0
            -- The city knows the visit by this plate, and has taken nothing for the bill before.
            OR NOT EXISTS (
                SELECT
                FROM session
                WHERE session.partition = bill.partition AND session.entered_at = bill.entered_at
                    AND session.session_id = bill.session_id AND session.number <> bill.number
            )
            AND NOT EXISTS (
                SELECT
                FROM charge AS earlier
                WHERE earlier.partition = charge.partition AND earlier.session_id = charge.session_id
                    AND earlier.charge_id <> charge.charge_id AND earlier.direction = 'collect'
                    AND earlier.state <> 'voided'
            )
        )
    ORDER BY charge.partition, charge.charge_id
    FOR NO KEY UPDATE OF charge SKIP LOCKED
),
assigned AS (
    UPDATE charge SET
        state = 'due', previous_state = charge.state, last_step = 'assigned', rail = $1::text, agreement = found.uid,
        next_at = greatest($2::timestamptz, found.left_at + $3::interval), moved_at = $2::timestamptz
    FROM found
    WHERE charge.partition = found.partition AND charge.charge_id = found.charge_id AND charge.state = 'unassigned'
    RETURNING charge.charge_id
)
SELECT count(*) FROM assigned
