-- Keeps what a cut-off garage let a car out on, once an event.
-- $1 partition smallint
-- $2 garage_id text
-- $3 event_id text
-- $4 captured_at timestamptz
-- $5 session_id uuid
-- $6 token text
-- $7 result text
-- $8 limit_fen bigint
-- $9 now timestamptz
INSERT INTO presented_grant (
    partition, garage_id, event_id, captured_at, session_id, token, result, limit_fen, presented_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (partition, garage_id, event_id) DO NOTHING
