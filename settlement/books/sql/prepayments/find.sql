-- One prepayment.
-- $1 partition smallint
-- $2 prepayment_id text
SELECT garage_id, session_id, amount_fen, method
FROM prepayment
WHERE partition = $1 AND prepayment_id = $2
