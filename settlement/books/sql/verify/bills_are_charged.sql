-- I5: what a bill leaves to collect is one charge, of that amount; nothing else is charged.
SELECT
    coalesce(bill.bill_id, charge.bill_id)::text AS item_id,
    format(
        '%s fen to collect, and a charge of %s fen', bill.amount_fen - bill.prepaid_fen, charge.amount_fen
    ) AS explanation
FROM (SELECT * FROM bill WHERE kind = 'bill') AS bill
FULL JOIN (SELECT * FROM charge WHERE direction = 'collect') AS charge USING (bill_id)
WHERE coalesce(bill.amount_fen - bill.prepaid_fen, 0) <> coalesce(charge.amount_fen, 0)
    OR bill.bill_id IS NULL
LIMIT 100
