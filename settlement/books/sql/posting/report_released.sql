-- Puts before a person what a driver had paid at a garage for a bill that was credited since.
-- $1 partition smallint[]
-- $2 charge_id uuid[]
-- $3 now timestamptz
INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
SELECT
    paid.partition, 'released:' || paid.charge_id, paid.collected_at, 'collected_credited',
    jsonb_build_object(
        'charge_id', paid.charge_id, 'bill_id', paid.bill_id, 'payment_id', paid.payment_id,
        'amount_fen', paid.amount_fen, 'method', paid.method
    ),
    $3::timestamptz
FROM unnest($1::smallint[], $2::uuid[]) AS released (partition, charge_id)
JOIN debt_payment AS paid USING (partition, charge_id)
ON CONFLICT (partition, item_id) DO NOTHING
