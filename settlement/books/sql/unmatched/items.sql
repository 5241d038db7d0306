-- Open items of exits that ended no session, to be looked at now, oldest first: each once, and again after a while
-- that is as long as it has waited. What was reported too late, by a wrong clock, from the future or with a token that
-- was refused is a person's.
-- $1 opened_from timestamptz
-- $2 opened_until timestamptz
-- $3 again_after interval
-- $4 now timestamptz
-- $5 limit bigint
SELECT partition, item_id, garage_id, cause, details::text AS details, finding::text AS finding, opened_at, state,
       resolution, resolved_by, resolved_at, note, (details ->> 'captured_at')::timestamptz AS captured_at
FROM quarantine
WHERE state = 'open' AND details ->> 'kind' = 'exit' AND details ->> 'session_id' IS NULL
    AND starts_with(item_id, 'event:') AND cause NOT IN ('unbookable', 'too_late', 'clock', 'token_refused')
    AND opened_at BETWEEN $1 AND $2 AND (details ->> 'captured_at')::timestamptz <= opened_at + interval '2 minutes'
    AND (looked_at IS NULL OR looked_at + greatest($3, looked_at - opened_at) <= $4)
ORDER BY opened_at
LIMIT $5
