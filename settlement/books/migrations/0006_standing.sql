-- Standing: policies, the decisions made by them, and what drivers owe and pay for after all.

-- Policies ---------------------------------------------------------------------------------------

CREATE TABLE standing_policy (
    policy_version_id text        PRIMARY KEY,
    definition        text        NOT NULL,
    added_at          timestamptz NOT NULL
);

-- From when on a policy decides, at the garages of one operator, or ('*') wherever none of its own does.
CREATE TABLE standing_policy_use (
    operator_id       text        NOT NULL,
    in_force_from     timestamptz NOT NULL,
    policy_version_id text        NOT NULL REFERENCES standing_policy (policy_version_id),
    CONSTRAINT standing_policy_is_chosen_once PRIMARY KEY (operator_id, in_force_from)
);

-- Whose a garage is: debts and policies may reach over all garages of an operator.
ALTER TABLE garage ADD COLUMN operator_id text NOT NULL DEFAULT 'main';

-- Decisions --------------------------------------------------------------------------------------

-- What the gates were told of a car inside, and why; a row whenever that changed.
CREATE TABLE grant_decision (
    partition         smallint    NOT NULL,
    entered_at        timestamptz NOT NULL,
    session_id        uuid        NOT NULL,
    decided_at        timestamptz NOT NULL,
    garage_id         text        NOT NULL,
    account_id        uuid,
    allowed           boolean     NOT NULL,
    limit_fen         bigint      NOT NULL,
    reason            text        NOT NULL,
    expires_at        timestamptz NOT NULL,
    policy_version_id text        NOT NULL,
    rules             jsonb       NOT NULL,
    debt              jsonb,
    CONSTRAINT grant_decision_is_recorded_once PRIMARY KEY (partition, entered_at, session_id, decided_at),
    CONSTRAINT grant_decision_limit CHECK (limit_fen >= 0 AND (allowed OR limit_fen = 0))
) PARTITION BY RANGE (entered_at);
CREATE TABLE grant_decision_default PARTITION OF grant_decision DEFAULT;

-- Accounts ---------------------------------------------------------------------------------------

ALTER TABLE account
    ADD COLUMN leave_first boolean NOT NULL DEFAULT true,
    ADD COLUMN language text NOT NULL DEFAULT 'zh-CN',
    ADD CONSTRAINT account_language CHECK (language IN ('zh-CN', 'en'));

-- Who said that the plate is the holder's; and since when somebody else says that it is not.
ALTER TABLE account_plate
    ADD COLUMN bound_by text NOT NULL DEFAULT 'operator',
    ADD COLUMN disputed_at timestamptz;

-- Whose a plate was until when: an exit that is booked late is charged to who had the plate then.
CREATE TABLE account_plate_ended (
    number     text        NOT NULL,
    colour     text        NOT NULL,
    account_id uuid        NOT NULL REFERENCES account (account_id),
    bound_at   timestamptz NOT NULL,
    ended_at   timestamptz NOT NULL,
    PRIMARY KEY (number, colour, account_id, bound_at)
);

CREATE TABLE account_score (
    account_id  uuid        PRIMARY KEY REFERENCES account (account_id),
    score       integer     NOT NULL,
    source      text        NOT NULL,
    put_at      timestamptz NOT NULL,
    valid_until timestamptz NOT NULL
);

CREATE TABLE block (
    block_id    text        PRIMARY KEY,
    account_id  uuid        REFERENCES account (account_id),
    number      text,
    colour      text,
    scope       text        NOT NULL,
    garage_id   text        NOT NULL REFERENCES garage (garage_id),
    cause       text        NOT NULL,
    added_by    text        NOT NULL,
    added_at    timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    ended_at    timestamptz,
    CONSTRAINT block_names_one CHECK ((account_id IS NULL) = (number IS NOT NULL AND colour IS NOT NULL)),
    CONSTRAINT block_scope CHECK (scope IN ('garage', 'operator', 'all'))
);
CREATE INDEX block_of_account ON block (account_id) WHERE ended_at IS NULL;
CREATE INDEX block_of_plate ON block (number, colour) WHERE ended_at IS NULL;

-- Debts ------------------------------------------------------------------------------------------

CREATE TABLE bill_dispute (
    partition   smallint    NOT NULL,
    bill_id     uuid        NOT NULL,
    opened_at   timestamptz NOT NULL,
    opened_by   text        NOT NULL,
    note        text        NOT NULL,
    state       text        NOT NULL DEFAULT 'open',
    resolved_at timestamptz,
    resolved_by text,
    CONSTRAINT bill_is_disputed_once PRIMARY KEY (partition, bill_id),
    CONSTRAINT bill_dispute_state CHECK (state IN ('open', 'rejected', 'upheld')),
    CONSTRAINT bill_dispute_resolved CHECK ((state = 'open') = (resolved_at IS NULL AND resolved_by IS NULL))
);

-- What a lane was told of a debtor: the reference by which it can be paid, the bills, and why.
CREATE TABLE debt_notice (
    reference         text        PRIMARY KEY,
    number            text        NOT NULL,
    colour            text        NOT NULL,
    account_id        uuid,
    partitions        smallint[]  NOT NULL,
    bill_ids          uuid[]      NOT NULL,
    owed_fen          bigint      NOT NULL,
    policy_version_id text        NOT NULL,
    rules             jsonb       NOT NULL,
    noticed_at        timestamptz NOT NULL,
    CONSTRAINT debt_notice_owes CHECK (owed_fen > 0 AND cardinality(partitions) = cardinality(bill_ids))
);

-- An attendant has let a debtor pass at a garage, for a while.
CREATE TABLE debt_waiver (
    garage_id  text        NOT NULL REFERENCES garage (garage_id),
    number     text        NOT NULL,
    colour     text        NOT NULL,
    waived_at  timestamptz NOT NULL,
    waived_by  text        NOT NULL,
    note       text        NOT NULL,
    until      timestamptz NOT NULL,
    PRIMARY KEY (garage_id, number, colour, waived_at)
);

-- One row a bill: what a garage took of a debtor, for itself or for the garage of the bill.
CREATE TABLE debt_payment (
    partition    smallint    NOT NULL,
    charge_id    uuid        NOT NULL,
    payment_id   text        NOT NULL,
    reference    text        NOT NULL,
    bill_id      uuid        NOT NULL,
    garage_id    text        NOT NULL,
    collected_at text        NOT NULL REFERENCES garage (garage_id),
    amount_fen   bigint      NOT NULL,
    method       text        NOT NULL,
    taken_by     text        NOT NULL,
    received_at  timestamptz NOT NULL,
    CONSTRAINT debt_is_paid_once PRIMARY KEY (partition, charge_id),
    CONSTRAINT debt_payment_amount CHECK (amount_fen > 0)
);
CREATE INDEX debt_payment_by_id ON debt_payment (payment_id);

ALTER TABLE charge DROP CONSTRAINT charge_transition;
ALTER TABLE charge ADD CONSTRAINT charge_transition CHECK ((previous_state, last_step, state) IN (
    ('none', 'raised', 'due'),
    ('none', 'raised_unassigned', 'unassigned'),
    ('unassigned', 'assigned', 'due'),
    ('unassigned', 'collected', 'collected'),
    ('unassigned', 'voided', 'voided'),
    ('due', 'sent', 'sent'),
    ('due', 'paid', 'paid'),
    ('due', 'collected', 'collected'),
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
    ('unpaid', 'collected', 'collected'),
    ('unpaid', 'voided', 'voided'),
    ('voided', 'paid', 'paid')
));
ALTER TABLE charge DROP CONSTRAINT charge_needs_an_agreement;
ALTER TABLE charge ADD CONSTRAINT charge_needs_an_agreement CHECK (
    state IN ('unassigned', 'voided', 'collected') OR (rail IS NOT NULL AND agreement IS NOT NULL)
);
DROP INDEX charge_of_account;
CREATE INDEX charge_of_account ON charge (account_id) WHERE state NOT IN ('paid', 'voided', 'collected');
CREATE INDEX charge_payable ON charge (raised_at) WHERE state IN ('unassigned', 'due', 'unpaid');
-- Bills of plates that no account had bound: found again by the plate, when it comes back.
CREATE INDEX bill_of_nobody ON bill (number, colour) WHERE account_id IS NULL AND amount_fen > prepaid_fen;

ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_kind;
ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_kind CHECK (kind IN (
    'bill_raised', 'bill_credited', 'prepayment_received', 'prepayment_used', 'prepayment_restored',
    'prepayment_released', 'charge_paid', 'refund_owed', 'refund_paid', 'debt_collected', 'debt_collected_for',
    'debt_released'
));

-- Rights -----------------------------------------------------------------------------------------

GRANT SELECT, INSERT ON
    standing_policy, standing_policy_use, grant_decision, account_plate_ended, account_score, block, bill_dispute,
    debt_notice, debt_waiver, debt_payment TO leave_first_app;
GRANT UPDATE (score, source, put_at, valid_until) ON account_score TO leave_first_app;
GRANT UPDATE (ended_at) ON block TO leave_first_app;
GRANT UPDATE (state, resolved_at, resolved_by) ON bill_dispute TO leave_first_app;
GRANT UPDATE (operator_id) ON garage TO leave_first_app;
GRANT UPDATE (leave_first, language) ON account TO leave_first_app;
GRANT UPDATE (disputed_at) ON account_plate TO leave_first_app;
GRANT UPDATE (rank) ON agreement TO leave_first_app;
