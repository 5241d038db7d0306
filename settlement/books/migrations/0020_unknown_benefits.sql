-- Closings that were billed before it was known what the stay is given. Nobody is charged for one as long as its row is
-- here; it goes when that has been looked up, and the bill is corrected where it asks for too much.
CREATE TABLE unknown_benefits (
    partition  smallint    NOT NULL,
    session_id uuid        NOT NULL,
    version    integer     NOT NULL,
    entered_at timestamptz NOT NULL,
    noted_at   timestamptz NOT NULL,
    failed_at  timestamptz,
    PRIMARY KEY (partition, session_id, version)
);

GRANT SELECT, INSERT, DELETE ON unknown_benefits TO leave_first_app;
GRANT UPDATE (failed_at) ON unknown_benefits TO leave_first_app;
