-- Parties outside: who vouches for cars inside, and what is reported to whom.

-- Vouchers ---------------------------------------------------------------------------------------

-- What somebody outside promised for a plate inside; the latest of one party counts, 0 takes it back.
CREATE TABLE voucher (
    partition smallint    NOT NULL,
    garage_id text        NOT NULL,
    number    text        NOT NULL,
    rail      text        NOT NULL,
    limit_fen bigint      NOT NULL,
    given_at  timestamptz NOT NULL,
    PRIMARY KEY (partition, garage_id, number, rail, given_at),
    CONSTRAINT voucher_limit CHECK (limit_fen >= 0)
);
CREATE INDEX voucher_by_number ON voucher (number, given_at);

-- Reports ----------------------------------------------------------------------------------------

-- A visit as it is known to somebody outside, under a number that is theirs, and how much of it they were told:
-- the closings, the bill, and whether it was paid. An open one may have more to tell.
CREATE TABLE reported_visit (
    partition  smallint    NOT NULL,
    recipient  text        NOT NULL,
    session_id uuid        NOT NULL,
    garage_id  text        NOT NULL,
    entered_at timestamptz NOT NULL,
    uid        text        NOT NULL,
    closings   integer     NOT NULL DEFAULT 0,
    bill_id    uuid,
    is_paid    boolean     NOT NULL DEFAULT false,
    is_open    boolean     NOT NULL DEFAULT true,
    PRIMARY KEY (partition, recipient, session_id),
    CONSTRAINT reported_visit_uid_is_unique UNIQUE (partition, recipient, uid)
);
CREATE INDEX reported_visit_open ON reported_visit (recipient, garage_id) WHERE is_open;

-- What is to be sent, in order within a garage; a row goes when it has arrived.
CREATE TABLE outgoing_report (
    partition smallint    NOT NULL,
    recipient text        NOT NULL,
    garage_id text        NOT NULL,
    place     bigint      NOT NULL,
    operation text        NOT NULL,
    body      text        NOT NULL,
    added_at  timestamptz NOT NULL,
    PRIMARY KEY (partition, recipient, garage_id, place)
);
CREATE INDEX outgoing_report_in_order ON outgoing_report (recipient, place);

GRANT SELECT, INSERT ON voucher TO leave_first_app;
GRANT SELECT, INSERT, DELETE ON reported_visit, outgoing_report TO leave_first_app;
GRANT UPDATE (closings, bill_id, is_paid, is_open) ON reported_visit TO leave_first_app;
