-- The books in one row; an order counts as charged twice when more than one charge of it went through.
SELECT
    (SELECT count(*) FROM movements WHERE kind = 'charge') AS charges,
    (SELECT coalesce(sum(amount_fen), 0) FROM movements WHERE kind = 'charge') AS charged_fen,
    (SELECT count(*) FROM movements WHERE kind = 'refund') AS refunds,
    (SELECT coalesce(sum(amount_fen), 0) FROM movements WHERE kind = 'refund') AS refunded_fen,
    (SELECT count(*) FROM attempts WHERE state = 'declined') AS declined,
    (SELECT count(*) FROM attempts WHERE state = 'accepted') AS pending,
    (
        SELECT count(*)
        FROM (SELECT 1 FROM movements WHERE kind = 'charge' GROUP BY order_key HAVING count(*) > 1)
    ) AS orders_charged_twice
