-- Grants that controllers can prove, and plates that holders can prove.

-- The public halves: what was signed stays checkable after a key has been retired.
CREATE TABLE grant_key (
    key_id     text        PRIMARY KEY,
    public_key bytea       NOT NULL,
    made_at    timestamptz NOT NULL,
    retired_at timestamptz,
    CONSTRAINT grant_key_length CHECK (octet_length(public_key) = 32)
);

-- What a cut-off garage let a car out on, as it was shown, and what became of it.
CREATE TABLE presented_grant (
    partition    smallint    NOT NULL,
    garage_id    text        NOT NULL,
    event_id     text        NOT NULL,
    captured_at  timestamptz NOT NULL,
    session_id   uuid,
    token        text        NOT NULL,
    result       text        NOT NULL,
    limit_fen    bigint,
    presented_at timestamptz NOT NULL,
    CONSTRAINT grant_is_presented_once PRIMARY KEY (partition, garage_id, event_id)
);

-- An account claims a plate, and proves it by a code that reaches only its holder.
CREATE TABLE plate_claim (
    claim_id     uuid        PRIMARY KEY,
    account_id   uuid        NOT NULL REFERENCES account (account_id),
    number       text        NOT NULL,
    colour       text        NOT NULL,
    salt         bytea       NOT NULL,
    code_hash    bytea       NOT NULL,
    issued_at    timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    tries_left   smallint    NOT NULL,
    confirmed_at timestamptz,
    CONSTRAINT plate_claim_tries CHECK (tries_left >= 0)
);

-- Somebody says that a plate is his that another account has bound.
CREATE TABLE plate_dispute (
    dispute_id  uuid        PRIMARY KEY,
    number      text        NOT NULL,
    colour      text        NOT NULL,
    account_id  uuid        NOT NULL REFERENCES account (account_id),
    claimant_id uuid        NOT NULL REFERENCES account (account_id),
    note        text        NOT NULL,
    opened_by   text        NOT NULL,
    opened_at   timestamptz NOT NULL,
    ended_as    text,
    ended_by    text,
    ended_at    timestamptz,
    CONSTRAINT plate_dispute_ended CHECK (ended_as IN ('kept', 'transferred', 'unbound')),
    CONSTRAINT plate_dispute_is_ended_whole CHECK ((ended_as IS NULL) = (ended_by IS NULL AND ended_at IS NULL))
);
CREATE UNIQUE INDEX plate_is_disputed_once ON plate_dispute (number, colour) WHERE ended_at IS NULL;

GRANT SELECT, INSERT ON grant_key, presented_grant, plate_claim, plate_dispute TO leave_first_app;
GRANT UPDATE (retired_at) ON grant_key TO leave_first_app;
GRANT UPDATE (tries_left, confirmed_at) ON plate_claim TO leave_first_app;
GRANT UPDATE (ended_as, ended_by, ended_at) ON plate_dispute TO leave_first_app;
