-- The bills in force of some closings, each named by any of its bills, with their charges, which stay locked
-- until the end of the transaction so that no answer of a rail can move them in between; and whether a bill is
-- credited already.
-- $1 partition smallint[]
-- $2 entered_at timestamptz[]
-- $3 bill_id uuid[]
WITH named AS (
    SELECT bill.partition, bill.entered_at, bill.session_id, bill.version, bill.bill_id AS named_bill_id
    FROM unnest($1::smallint[], $2::timestamptz[], $3::uuid[]) AS n (partition, entered_at, bill_id)
    JOIN bill USING (partition, entered_at, bill_id)
),
in_force AS (
    SELECT DISTINCT ON (partition, entered_at, session_id, version) bill.*, named.named_bill_id
    FROM named
    JOIN bill USING (partition, entered_at, session_id, version)
    WHERE bill.kind = 'bill'
    ORDER BY partition, entered_at, session_id, version, bill.correction DESC
),
locked AS (
    SELECT partition, bill_id, charge_id, state, rail, agreement, amount_fen
    FROM charge
    WHERE direction = 'collect'
        AND (partition, bill_id) IN (SELECT partition, bill_id FROM in_force)
    ORDER BY partition, charge_id
    FOR UPDATE
)
SELECT
    bill.named_bill_id,
    bill.partition, bill.bill_id, bill.garage_id, bill.session_id, bill.version, bill.correction, bill.account_id,
    bill.number, bill.colour, bill.entered_at, bill.stay_from, bill.left_at, bill.tariff_version_id, bill.amount_fen,
    bill.prepaid_fen, bill.reason, bill.proof, bill.benefits, bill.earlier, bill.changes,
    bill.vehicle_class, locked.charge_id, locked.state AS charge_state, locked.rail, locked.agreement,
    locked.amount_fen AS charge_fen,
    EXISTS (
        SELECT FROM bill AS note
        WHERE note.partition = bill.partition AND note.entered_at = bill.entered_at
            AND note.session_id = bill.session_id AND note.version = bill.version
            AND note.correction = bill.correction AND note.kind = 'credit_note'
    ) AS credited
FROM in_force AS bill
LEFT JOIN locked ON locked.partition = bill.partition AND locked.bill_id = bill.bill_id
