-- Every message that a garage brought up, once; copies counts how often it came.
CREATE TABLE IF NOT EXISTS messages (
    sequence INTEGER PRIMARY KEY,
    operation TEXT NOT NULL,
    message_key TEXT NOT NULL,
    body TEXT NOT NULL,
    copies INTEGER NOT NULL DEFAULT 1,
    received_ms INTEGER NOT NULL,
    UNIQUE (operation, message_key)
) STRICT
