-- Keeps a message; one that is there only counts another copy.
-- :operation text
-- :message_key text
-- :body text
-- :received_ms integer
INSERT INTO messages (operation, message_key, body, received_ms)
VALUES (:operation, :message_key, :body, :received_ms)
ON CONFLICT (operation, message_key) DO UPDATE SET copies = copies + 1
RETURNING copies
