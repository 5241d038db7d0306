-- Finds the accepted attempts whose time has come.
CREATE INDEX IF NOT EXISTS attempts_to_settle ON attempts (settled_after_ms) WHERE state = 'accepted'
