-- What was paid by now of a garage's bills of a day.
-- :subject text
-- :day text
SELECT count(*), coalesce(sum(attempts.amount_fen), 0)
FROM messages
JOIN attempts ON attempts.kind = 'charge' AND attempts.attempt_key = messages.message_key
WHERE messages.operation = 'applyPayment' AND substr(json_extract(messages.body, '$.billTime'), 1, 10) = :day
    AND attempts.state = 'paid' AND attempts.subject = :subject
