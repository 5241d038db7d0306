-- One refund of what was paid inside.
-- $1 partition smallint
-- $2 refund_id text
SELECT garage_id, session_id, amount_fen, method
FROM prepayment_refund
WHERE partition = $1 AND refund_id = $2
