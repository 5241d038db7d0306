-- I2: for the coupons of each bill its merchants owe what these cost, and of each credit note they owe it no more.
WITH expected AS (
    SELECT
        paper.partition, paper.bill_id AS transaction_id,
        'merchant_receivable:' || coupon_use.garage_id || '/' || coupon_use.merchant_id AS account,
        sum(coupon_use.owed_fen) AS fen,
        CASE paper.kind WHEN 'bill' THEN 'coupons_funded' ELSE 'coupons_released' END AS kind
    FROM coupon_use
    JOIN bill AS paper ON paper.partition = coupon_use.partition
        AND coalesce(paper.credits_bill_id, paper.bill_id) = coupon_use.bill_id
    WHERE coupon_use.owed_fen > 0
    GROUP BY paper.partition, paper.bill_id, paper.kind, coupon_use.garage_id, coupon_use.merchant_id
),
posted AS (
    SELECT
        partition, transaction_id, kind, sum(amount_fen) AS fen,
        CASE kind WHEN 'coupons_funded' THEN debit_account ELSE credit_account END AS account
    FROM ledger_entry
    WHERE kind IN ('coupons_funded', 'coupons_released')
    GROUP BY partition, transaction_id, kind, account
)
SELECT
    transaction_id::text AS item_id,
    format('%s of %s: posted %s fen, the coupons cost %s fen', kind, account, posted.fen, expected.fen) AS explanation
FROM posted
FULL JOIN expected USING (partition, transaction_id, kind, account)
WHERE coalesce(posted.fen, 0) <> coalesce(expected.fen, 0)
LIMIT 100
