-- I2: an entry moves money between the two accounts of its kind, at the garage and for the bill of its cause.
WITH paper AS (
    SELECT bill_id, garage_id, coalesce(credits_bill_id, bill_id) AS of_bill_id FROM bill
),
expected AS (
    SELECT
        entry.*,
        CASE
            WHEN entry.kind IN ('prepayment_received', 'prepayment_released', 'merchant_paid') THEN entry.garage_id
            WHEN entry.kind = 'debt_collected_for' THEN collected.collected_at
            WHEN entry.kind IN ('charge_paid', 'refund_owed', 'refund_paid', 'debt_collected', 'debt_released')
                THEN charge.garage_id
            ELSE paper.garage_id
        END AS cause_garage_id,
        CASE
            WHEN entry.kind = 'debt_collected_for' THEN collected.bill_id
            WHEN entry.kind IN ('charge_paid', 'refund_owed', 'refund_paid', 'debt_collected', 'debt_released')
                THEN charge.bill_id
            ELSE paper.of_bill_id
        END AS cause_bill_id,
        CASE entry.kind
            WHEN 'bill_raised' THEN ARRAY['receivable:', 'garage_payable:']
            WHEN 'bill_credited' THEN ARRAY['garage_payable:', 'receivable:']
            WHEN 'prepayment_received' THEN ARRAY['gate_cash:', 'prepayment:']
            WHEN 'prepayment_released' THEN ARRAY['prepayment:', 'gate_cash:']
            WHEN 'prepayment_used' THEN ARRAY['prepayment:', 'receivable:']
            WHEN 'prepayment_restored' THEN ARRAY['receivable:', 'prepayment:']
            WHEN 'charge_paid' THEN ARRAY['rail_clearing:', 'receivable:']
            WHEN 'refund_owed' THEN ARRAY['receivable:', 'refund_payable:']
            WHEN 'debt_collected' THEN
                ARRAY[CASE WHEN collected.collected_at = entry.garage_id THEN 'gate_cash:' ELSE 'due_from:' END,
                    'receivable:']
            WHEN 'debt_collected_for' THEN ARRAY['gate_cash:', 'due_to:']
            WHEN 'debt_released' THEN ARRAY['receivable:', 'refund_payable:']
            WHEN 'refund_paid' THEN ARRAY['refund_payable:', 'rail_clearing:']
            WHEN 'coupons_funded' THEN ARRAY['merchant_receivable:', 'garage_payable:']
            WHEN 'coupons_released' THEN ARRAY['garage_payable:', 'merchant_receivable:']
            WHEN 'merchant_paid' THEN ARRAY['gate_cash:', 'merchant_receivable:']
        END AS between,
        charge.rail,
        collected.collected_at,
        collected.garage_id AS debt_garage_id
    FROM ledger_entry AS entry
    LEFT JOIN charge ON charge.partition = entry.partition AND charge.charge_id = entry.charge_id
    LEFT JOIN debt_payment AS collected
        ON collected.charge_id = entry.charge_id AND entry.kind IN ('debt_collected', 'debt_collected_for')
    LEFT JOIN paper ON paper.bill_id = entry.transaction_id
)
SELECT
    transaction_id::text AS item_id,
    format('line %s, %s of %s fen, from %s to %s', line, kind, amount_fen, debit_account, credit_account)
        AS explanation
FROM expected
WHERE between IS NULL
    OR debit_account IS DISTINCT FROM
        between[1] || garage_id || CASE between[1]
            WHEN 'rail_clearing:' THEN '/' || rail WHEN 'due_from:' THEN '/' || collected_at
            WHEN 'merchant_receivable:' THEN '/' || split_part(debit_account, '/', 2) ELSE '' END
    OR credit_account IS DISTINCT FROM
        between[2] || garage_id || CASE between[2]
            WHEN 'rail_clearing:' THEN '/' || rail WHEN 'due_to:' THEN '/' || debt_garage_id
            WHEN 'merchant_receivable:' THEN '/' || split_part(credit_account, '/', 2) ELSE '' END
    OR garage_id IS DISTINCT FROM cause_garage_id
    OR bill_id IS DISTINCT FROM cause_bill_id
LIMIT 100
