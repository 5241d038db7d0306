-- I2: an entry moves money between the two accounts of its kind, at the garage and for the bill of its cause.
-- Nothing books released prepayments: a person gives them back.
WITH paper AS (
    SELECT bill_id, garage_id, coalesce(credits_bill_id, bill_id) AS of_bill_id FROM bill
),
expected AS (
    SELECT
        entry.*,
        CASE
            WHEN entry.kind = 'prepayment_received' THEN entry.garage_id
            WHEN entry.kind IN ('charge_paid', 'refund_owed', 'refund_paid') THEN charge.garage_id
            ELSE paper.garage_id
        END AS cause_garage_id,
        CASE
            WHEN entry.kind IN ('charge_paid', 'refund_owed', 'refund_paid') THEN charge.bill_id
            ELSE paper.of_bill_id
        END AS cause_bill_id,
        CASE entry.kind
            WHEN 'bill_raised' THEN ARRAY['receivable:', 'garage_payable:']
            WHEN 'bill_credited' THEN ARRAY['garage_payable:', 'receivable:']
            WHEN 'prepayment_received' THEN ARRAY['gate_cash:', 'prepayment:']
            WHEN 'prepayment_used' THEN ARRAY['prepayment:', 'receivable:']
            WHEN 'prepayment_restored' THEN ARRAY['receivable:', 'prepayment:']
            WHEN 'charge_paid' THEN ARRAY['rail_clearing:', 'receivable:']
            WHEN 'refund_owed' THEN ARRAY['receivable:', 'refund_payable:']
            WHEN 'refund_paid' THEN ARRAY['refund_payable:', 'rail_clearing:']
        END AS between,
        charge.rail
    FROM ledger_entry AS entry
    LEFT JOIN charge ON charge.partition = entry.partition AND charge.charge_id = entry.charge_id
    LEFT JOIN paper ON paper.bill_id = entry.transaction_id
)
SELECT
    transaction_id::text AS item_id,
    format('line %s, %s of %s fen, from %s to %s', line, kind, amount_fen, debit_account, credit_account)
        AS explanation
FROM expected
WHERE between IS NULL
    OR debit_account IS DISTINCT FROM
        between[1] || garage_id || CASE between[1] WHEN 'rail_clearing:' THEN '/' || rail ELSE '' END
    OR credit_account IS DISTINCT FROM
        between[2] || garage_id || CASE between[2] WHEN 'rail_clearing:' THEN '/' || rail ELSE '' END
    OR garage_id IS DISTINCT FROM cause_garage_id
    OR bill_id IS DISTINCT FROM cause_bill_id
LIMIT 100
