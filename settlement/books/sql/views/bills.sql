-- The bills and credit notes of a session, in the order of its closings.
-- $1 session_id uuid
SELECT
    bill_id, kind, credits_bill_id, version, account_id, left_at, tariff_version_id, amount_fen, prepaid_fen, reason,
    proof, raised_at
FROM bill
WHERE session_id = $1
ORDER BY version, kind
