-- The disputes of bindings that wait for a person, oldest first.
SELECT dispute_id, number, colour, account_id, claimant_id, note, opened_by, opened_at
FROM plate_dispute
WHERE ended_at IS NULL
ORDER BY opened_at, dispute_id
LIMIT 1000
