-- The history of migrations; it tells our databases from others.
CREATE TABLE schema_migration (
    number     integer     PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL
)
