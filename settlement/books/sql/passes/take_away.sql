-- Takes away the places of passes that a stay has or had: they were another vehicle's.
-- $1 session_id uuid
UPDATE pass_place
SET freed_at = taken_at
WHERE session_id = $1::uuid AND place IS NOT NULL AND freed_at IS DISTINCT FROM taken_at
