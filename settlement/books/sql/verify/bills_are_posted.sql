-- I2: every bill and credit note has the entries that it asks for, between the right accounts.
WITH posted AS (
    SELECT
        transaction_id,
        coalesce(sum(amount_fen) FILTER (
            WHERE kind = 'bill_raised'
                AND debit_account = 'receivable:' || garage_id AND credit_account = 'garage_payable:' || garage_id
        ), 0) AS raised_fen,
        coalesce(sum(amount_fen) FILTER (
            WHERE kind = 'prepayment_used'
                AND debit_account = 'prepayment:' || garage_id AND credit_account = 'receivable:' || garage_id
        ), 0) AS used_fen,
        coalesce(sum(amount_fen) FILTER (
            WHERE kind = 'bill_credited'
                AND debit_account = 'garage_payable:' || garage_id AND credit_account = 'receivable:' || garage_id
        ), 0) AS credited_fen,
        coalesce(sum(amount_fen) FILTER (
            WHERE kind = 'prepayment_restored'
                AND debit_account = 'receivable:' || garage_id AND credit_account = 'prepayment:' || garage_id
        ), 0) AS restored_fen
    FROM ledger_entry
    WHERE kind IN ('bill_raised', 'prepayment_used', 'bill_credited', 'prepayment_restored')
    GROUP BY transaction_id
)
SELECT
    bill.bill_id::text AS item_id,
    format(
        '%s of %s fen, %s prepaid; posted: raised %s, used %s, credited %s, restored %s', bill.kind, bill.amount_fen,
        bill.prepaid_fen, coalesce(raised_fen, 0), coalesce(used_fen, 0), coalesce(credited_fen, 0),
        coalesce(restored_fen, 0)
    ) AS explanation
FROM bill
LEFT JOIN posted ON posted.transaction_id = bill.bill_id
WHERE (coalesce(raised_fen, 0), coalesce(used_fen, 0), coalesce(credited_fen, 0), coalesce(restored_fen, 0))
    <> CASE bill.kind
        WHEN 'bill' THEN (bill.amount_fen::numeric, bill.prepaid_fen::numeric, 0::numeric, 0::numeric)
        ELSE (0::numeric, 0::numeric, bill.amount_fen::numeric, bill.prepaid_fen::numeric)
    END
LIMIT 100
