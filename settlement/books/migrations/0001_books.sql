-- The books: who parks where, what it cost, who paid, and the archive that proves it.
--
-- Every row that belongs to a garage carries its partition first in its key, so that the tables can be
-- distributed by it. Tables that grow without end are split by month. Every rule that a constraint can
-- hold is a named constraint.

CREATE TABLE installation (
    only_row        boolean     PRIMARY KEY DEFAULT true,
    product         text        NOT NULL,
    partition_count smallint    NOT NULL,
    installed_at    timestamptz NOT NULL,
    CONSTRAINT installation_is_one_row CHECK (only_row),
    CONSTRAINT installation_partition_count CHECK (partition_count BETWEEN 1 AND 4096)
);

-- Bumped by every statement that changes what the gates must know.
CREATE TABLE config_revision (
    only_row boolean PRIMARY KEY DEFAULT true,
    revision bigint  NOT NULL,
    CONSTRAINT config_revision_is_one_row CHECK (only_row)
);
INSERT INTO config_revision (revision) VALUES (1);

-- Garages ---------------------------------------------------------------------------------------

CREATE TABLE tariff_version (
    tariff_version_id text        PRIMARY KEY,
    definition        text        NOT NULL,
    added_at          timestamptz NOT NULL
);

CREATE TABLE garage (
    partition  smallint    NOT NULL,
    garage_id  text        NOT NULL,
    name       text        NOT NULL,
    spaces     integer     NOT NULL,
    policy     jsonb       NOT NULL,
    added_at   timestamptz NOT NULL,
    PRIMARY KEY (partition, garage_id),
    CONSTRAINT garage_id_is_unique UNIQUE (garage_id),
    CONSTRAINT garage_id_form CHECK (garage_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    CONSTRAINT garage_spaces CHECK (spaces BETWEEN 1 AND 1000000)
);

CREATE TABLE lane (
    partition smallint NOT NULL,
    garage_id text     NOT NULL,
    lane_id   text     NOT NULL,
    direction text     NOT NULL,
    PRIMARY KEY (partition, garage_id, lane_id),
    CONSTRAINT lane_of_garage FOREIGN KEY (partition, garage_id) REFERENCES garage (partition, garage_id),
    CONSTRAINT lane_id_form CHECK (lane_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    CONSTRAINT lane_direction CHECK (direction IN ('entry', 'exit', 'both'))
);

CREATE TABLE garage_tariff (
    partition         smallint    NOT NULL,
    garage_id         text        NOT NULL,
    in_force_from     timestamptz NOT NULL,
    tariff_version_id text        NOT NULL REFERENCES tariff_version (tariff_version_id),
    PRIMARY KEY (partition, garage_id, in_force_from),
    CONSTRAINT tariff_of_garage FOREIGN KEY (partition, garage_id) REFERENCES garage (partition, garage_id)
);

CREATE TABLE access_token (
    token_id      text        PRIMARY KEY,
    secret_sha256 bytea       NOT NULL,
    kind          text        NOT NULL,
    garage_id     text        REFERENCES garage (garage_id),
    controller_id text,
    lane_ids      text[],
    label         text        NOT NULL,
    added_at      timestamptz NOT NULL,
    revoked_at    timestamptz,
    CONSTRAINT access_token_secret_is_sha256 CHECK (octet_length(secret_sha256) = 32),
    CONSTRAINT access_token_kind CHECK (kind IN ('controller', 'operator_read', 'operator_full')),
    CONSTRAINT access_token_controller_has_garage CHECK (
        (kind = 'controller') = (garage_id IS NOT NULL AND controller_id IS NOT NULL AND lane_ids IS NOT NULL)
    )
);

-- Drivers ---------------------------------------------------------------------------------------

CREATE TABLE account (
    account_id         uuid        PRIMARY KEY,
    holder             text        NOT NULL,
    state              text        NOT NULL,
    limit_fen          bigint      NOT NULL,
    exposure_limit_fen bigint      NOT NULL,
    opened_at          timestamptz NOT NULL,
    CONSTRAINT account_state CHECK (state IN ('active', 'suspended', 'closed')),
    CONSTRAINT account_limit CHECK (limit_fen >= 0 AND exposure_limit_fen >= 0)
);

CREATE TABLE account_plate (
    number     text        NOT NULL,
    colour     text        NOT NULL,
    account_id uuid        NOT NULL REFERENCES account (account_id),
    bound_at   timestamptz NOT NULL,
    CONSTRAINT account_plate_is_bound_once PRIMARY KEY (number, colour)
);
CREATE INDEX account_plate_of_account ON account_plate (account_id);

CREATE TABLE agreement (
    account_id uuid        NOT NULL REFERENCES account (account_id),
    rail       text        NOT NULL,
    reference  text        NOT NULL,
    rank       smallint    NOT NULL,
    agreed_at  timestamptz NOT NULL,
    ended_at   timestamptz,
    PRIMARY KEY (account_id, rail, reference)
);
CREATE UNIQUE INDEX agreement_rank_is_unique ON agreement (account_id, rank) WHERE ended_at IS NULL;

-- The archive -----------------------------------------------------------------------------------

CREATE TABLE gate_event (
    partition   smallint    NOT NULL,
    captured_at timestamptz NOT NULL,
    garage_id   text        NOT NULL,
    event_id    text        NOT NULL,
    lane_id     text        NOT NULL,
    kind        text        NOT NULL,
    received_at timestamptz NOT NULL,
    number      text        NOT NULL,
    colour      text        NOT NULL,
    confidence  double precision NOT NULL,
    candidates  jsonb,
    offline     boolean     NOT NULL,
    verdict     text        NOT NULL,
    reason      text        NOT NULL,
    amount_fen  bigint      NOT NULL,
    limit_fen   bigint      NOT NULL,
    result      text        NOT NULL,
    session_id  uuid,
    archived_at timestamptz NOT NULL,
    CONSTRAINT gate_event_is_archived_once PRIMARY KEY (partition, captured_at, garage_id, event_id),
    CONSTRAINT gate_event_kind CHECK (kind IN ('entry', 'exit', 'turn_back')),
    CONSTRAINT gate_event_verdict CHECK (verdict IN ('open', 'hold')),
    CONSTRAINT gate_event_result CHECK (result IN ('applied', 'duplicate', 'quarantined'))
) PARTITION BY RANGE (captured_at);

CREATE TABLE quarantine (
    partition   smallint    NOT NULL,
    item_id     text        NOT NULL,
    garage_id   text        NOT NULL,
    cause       text        NOT NULL,
    details     jsonb       NOT NULL,
    opened_at   timestamptz NOT NULL,
    state       text        NOT NULL DEFAULT 'open',
    resolution  text,
    resolved_by text,
    resolved_at timestamptz,
    note        text,
    CONSTRAINT quarantine_item_is_unique PRIMARY KEY (partition, item_id),
    CONSTRAINT quarantine_state CHECK (state IN ('open', 'resolved')),
    CONSTRAINT quarantine_resolution CHECK ((state = 'resolved') = (resolution IS NOT NULL)),
    CONSTRAINT quarantine_resolved_by CHECK ((state = 'resolved') = (resolved_by IS NOT NULL)),
    CONSTRAINT quarantine_resolved_at CHECK ((state = 'resolved') = (resolved_at IS NOT NULL))
);
CREATE INDEX quarantine_open ON quarantine (garage_id, opened_at) WHERE state = 'open';

-- Sessions and bills ----------------------------------------------------------------------------

CREATE TABLE session (
    partition         smallint    NOT NULL,
    entered_at        timestamptz NOT NULL,
    session_id        uuid        NOT NULL,
    garage_id         text        NOT NULL,
    number            text        NOT NULL,
    colour            text        NOT NULL,
    entry_lane_id     text        NOT NULL,
    entry_event_id    text        NOT NULL,
    tariff_version_id text        NOT NULL,
    account_id        uuid,
    state             text        NOT NULL,
    previous_state    text        NOT NULL,
    last_step         text        NOT NULL,
    version           integer     NOT NULL,
    left_at           timestamptz,
    exit_lane_id      text,
    PRIMARY KEY (partition, entered_at, session_id),
    CONSTRAINT session_transition CHECK ((previous_state, last_step, state) IN (
        ('none', 'entered', 'inside'),
        ('inside', 'left', 'closed'),
        ('inside', 'entry_undone', 'voided'),
        ('inside', 'superseded', 'superseded'),
        ('closed', 'exit_undone', 'inside'),
        ('superseded', 'left', 'closed')
    )),
    CONSTRAINT session_closed_has_left CHECK ((state = 'closed') = (left_at IS NOT NULL)),
    CONSTRAINT session_leaves_after_entry CHECK (left_at >= entered_at)
) PARTITION BY RANGE (entered_at);
CREATE INDEX session_by_id ON session (session_id);
CREATE INDEX session_by_plate ON session (number, entered_at);
CREATE INDEX session_inside ON session (garage_id, entered_at) WHERE state = 'inside';

CREATE TABLE bill (
    partition         smallint    NOT NULL,
    entered_at        timestamptz NOT NULL,
    bill_id           uuid        NOT NULL,
    garage_id         text        NOT NULL,
    session_id        uuid        NOT NULL,
    version           integer     NOT NULL,
    kind              text        NOT NULL,
    credits_bill_id   uuid,
    account_id        uuid,
    number            text        NOT NULL,
    colour            text        NOT NULL,
    left_at           timestamptz NOT NULL,
    tariff_version_id text        NOT NULL,
    amount_fen        bigint      NOT NULL,
    prepaid_fen       bigint      NOT NULL,
    reason            text        NOT NULL,
    proof             text        NOT NULL,
    raised_at         timestamptz NOT NULL,
    PRIMARY KEY (partition, entered_at, bill_id),
    -- Also the way from a session to its bills.
    CONSTRAINT bill_once_per_version UNIQUE (partition, entered_at, session_id, version, kind),
    CONSTRAINT bill_kind CHECK (kind IN ('bill', 'credit_note')),
    CONSTRAINT bill_credit_note_names_its_bill CHECK ((kind = 'credit_note') = (credits_bill_id IS NOT NULL)),
    CONSTRAINT bill_amount CHECK (amount_fen >= 0),
    CONSTRAINT bill_prepaid_within_amount CHECK (prepaid_fen BETWEEN 0 AND amount_fen),
    CONSTRAINT bill_leaves_after_entry CHECK (left_at >= entered_at)
) PARTITION BY RANGE (entered_at);

CREATE TABLE prepayment (
    partition     smallint    NOT NULL,
    prepayment_id text        NOT NULL,
    garage_id     text        NOT NULL,
    session_id    uuid        NOT NULL,
    amount_fen    bigint      NOT NULL,
    method        text        NOT NULL,
    taken_by      text        NOT NULL,
    received_at   timestamptz NOT NULL,
    CONSTRAINT prepayment_is_booked_once PRIMARY KEY (partition, prepayment_id),
    CONSTRAINT prepayment_amount CHECK (amount_fen > 0)
);
CREATE INDEX prepayment_of_session ON prepayment (session_id);

-- The ledger ------------------------------------------------------------------------------------

-- One row is one movement from an account to another, so it balances by construction: what is debited
-- to the one is credited to the other. The rows of one transaction_id are one ledger transaction.
CREATE TABLE ledger_entry (
    partition      smallint    NOT NULL,
    posted_at      timestamptz NOT NULL,
    transaction_id uuid        NOT NULL,
    line           smallint    NOT NULL,
    kind           text        NOT NULL,
    debit_account  text        NOT NULL,
    credit_account text        NOT NULL,
    amount_fen     bigint      NOT NULL,
    garage_id      text        NOT NULL,
    bill_id        uuid,
    charge_id      uuid,
    CONSTRAINT ledger_entry_is_posted_once PRIMARY KEY (partition, posted_at, transaction_id, line),
    CONSTRAINT ledger_entry_amount CHECK (amount_fen > 0),
    CONSTRAINT ledger_entry_moves CHECK (debit_account <> credit_account),
    CONSTRAINT ledger_entry_kind CHECK (kind IN (
        'bill_raised', 'bill_credited', 'prepayment_received', 'prepayment_used', 'prepayment_restored',
        'prepayment_released', 'charge_paid', 'refund_owed', 'refund_paid'
    ))
) PARTITION BY RANGE (posted_at);
-- The entries of a bill or credit note are found by its partition, raised_at and bill_id: it is the transaction.

CREATE TABLE ledger_account (
    partition  smallint NOT NULL,
    account    text     NOT NULL,
    debit_fen  bigint   NOT NULL,
    credit_fen bigint   NOT NULL,
    PRIMARY KEY (partition, account),
    CONSTRAINT ledger_account_only_grows CHECK (debit_fen >= 0 AND credit_fen >= 0)
);

-- Charges ---------------------------------------------------------------------------------------

CREATE TABLE charge (
    partition      smallint    NOT NULL,
    charge_id      uuid        NOT NULL,
    direction      text        NOT NULL,
    garage_id      text        NOT NULL,
    bill_id        uuid        NOT NULL,
    session_id     uuid        NOT NULL,
    account_id     uuid,
    rail           text,
    agreement      text,
    amount_fen     bigint      NOT NULL,
    state          text        NOT NULL,
    previous_state text        NOT NULL,
    last_step      text        NOT NULL,
    attempts       smallint    NOT NULL DEFAULT 0,
    asked          smallint    NOT NULL DEFAULT 0,
    same_attempt   boolean     NOT NULL DEFAULT false,
    void_requested boolean     NOT NULL DEFAULT false,
    last_code      text,
    raised_at      timestamptz NOT NULL,
    next_at        timestamptz,
    moved_at       timestamptz NOT NULL,
    PRIMARY KEY (partition, charge_id),
    CONSTRAINT charge_once_per_bill UNIQUE (partition, bill_id, direction),
    CONSTRAINT charge_direction CHECK (direction IN ('collect', 'refund')),
    CONSTRAINT charge_amount CHECK (amount_fen > 0),
    CONSTRAINT charge_transition CHECK ((previous_state, last_step, state) IN (
        ('none', 'raised', 'due'),
        ('none', 'raised_unassigned', 'unassigned'),
        ('unassigned', 'assigned', 'due'),
        ('unassigned', 'voided', 'voided'),
        ('due', 'sent', 'sent'),
        ('due', 'voided', 'voided'),
        ('sent', 'paid', 'paid'),
        ('sent', 'accepted', 'accepted'),
        ('sent', 'declined', 'due'),
        ('sent', 'gave_up', 'unpaid'),
        ('sent', 'lost_sight', 'in_doubt'),
        ('sent', 'voided', 'voided'),
        ('accepted', 'paid', 'paid'),
        ('accepted', 'declined', 'due'),
        ('accepted', 'gave_up', 'unpaid'),
        ('accepted', 'lost_sight', 'in_doubt'),
        ('accepted', 'voided', 'voided'),
        ('in_doubt', 'paid', 'paid'),
        ('in_doubt', 'accepted', 'accepted'),
        ('in_doubt', 'declined', 'due'),
        ('in_doubt', 'gave_up', 'unpaid'),
        ('in_doubt', 'not_received', 'due'),
        ('in_doubt', 'escalated', 'review'),
        ('in_doubt', 'voided', 'voided'),
        ('review', 'paid', 'paid'),
        ('review', 'gave_up', 'unpaid'),
        ('review', 'voided', 'voided'),
        ('unpaid', 'voided', 'voided')
    )),
    CONSTRAINT charge_waits_with_a_time CHECK (
        (state IN ('due', 'sent', 'accepted', 'in_doubt')) = (next_at IS NOT NULL)
    ),
    CONSTRAINT charge_needs_an_agreement CHECK (
        state IN ('unassigned', 'voided') OR (rail IS NOT NULL AND agreement IS NOT NULL)
    )
);
CREATE INDEX charge_waiting ON charge (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX charge_of_account ON charge (account_id) WHERE state NOT IN ('paid', 'voided');

CREATE TABLE charge_attempt (
    partition      smallint    NOT NULL,
    charge_id      uuid        NOT NULL,
    attempt_no     smallint    NOT NULL,
    attempt_key    text        NOT NULL,
    sent_at        timestamptz NOT NULL,
    answered_at    timestamptz,
    outcome        text,
    code           text,
    rail_reference text,
    PRIMARY KEY (partition, charge_id, attempt_no),
    CONSTRAINT charge_attempt_key_is_unique UNIQUE (partition, attempt_key),
    CONSTRAINT charge_attempt_of_charge FOREIGN KEY (partition, charge_id) REFERENCES charge (partition, charge_id),
    CONSTRAINT charge_attempt_outcome CHECK (outcome IN ('paid', 'accepted', 'declined', 'unknown', 'not_received'))
);
CREATE UNIQUE INDEX charge_is_paid_once ON charge_attempt (partition, charge_id) WHERE outcome = 'paid';
CREATE INDEX charge_attempt_by_key ON charge_attempt (attempt_key);

-- What the application may do: it adds to the archive, the bills and the ledger, and never changes them.

GRANT USAGE ON SCHEMA public TO leave_first_app;
GRANT SELECT, INSERT ON gate_event, bill, ledger_entry, prepayment, tariff_version TO leave_first_app;
GRANT SELECT, INSERT, UPDATE ON
    installation, config_revision, garage, lane, garage_tariff, access_token, account, agreement,
    quarantine, session, ledger_account, charge, charge_attempt TO leave_first_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON account_plate TO leave_first_app;
GRANT DELETE ON lane TO leave_first_app;
