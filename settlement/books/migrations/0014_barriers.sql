-- What barriers were told, what devices said of it, and what passed below them.

CREATE TABLE barrier_record (
    partition     smallint    NOT NULL,
    garage_id     text        NOT NULL,
    at            timestamptz NOT NULL,
    record_id     uuid        NOT NULL,
    lane_id       text        NOT NULL,
    controller_id text        NOT NULL,
    act           text        NOT NULL,
    outcome       text        NOT NULL,
    event_id      text        NOT NULL,
    reason        text        NOT NULL,
    command       text        NOT NULL,
    said          text        NOT NULL,
    CONSTRAINT barrier_record_is_kept_once PRIMARY KEY (partition, garage_id, at, record_id),
    CONSTRAINT barrier_record_act CHECK (act IN ('open', 'opened_itself', 'passed', 'tailgated', 'stayed', 'cleared')),
    CONSTRAINT barrier_record_outcome CHECK (outcome IN ('told', 'accepted', 'rejected', 'unreachable', 'moved'))
);
CREATE INDEX barrier_record_at ON barrier_record (at);

GRANT SELECT, INSERT, DELETE ON barrier_record TO leave_first_app;
