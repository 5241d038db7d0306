-- I5: the amount of a bill is the one that its proof adds up to.
SELECT
    bill_id::text AS item_id,
    format('%s fen, and the proof begins %s', amount_fen, left(proof, 40)) AS explanation
FROM bill
WHERE NOT starts_with(proof, format('{"amount_fen":%s,', amount_fen))
LIMIT 100
