-- What the gates answered while the live store could not, oldest first.
CREATE TABLE IF NOT EXISTS spool (
    place    INTEGER PRIMARY KEY AUTOINCREMENT,
    event    TEXT    NOT NULL,
    decision TEXT    NOT NULL
)
