-- A key that has leaked: nothing that it signed counts any more.

ALTER TABLE grant_key ADD COLUMN revoked_at timestamptz;
ALTER TABLE grant_key ADD CONSTRAINT grant_key_revoked_is_retired CHECK (revoked_at IS NULL OR retired_at IS NOT NULL);
GRANT UPDATE (revoked_at) ON grant_key TO leave_first_app;
