-- The rows in which a statement takes a segment of journal records.
--
-- A row travels as one value of such a type and not as one array a column: an array for each of some fifty
-- columns cost more to write, to read and to put together again than the rows cost to insert.

CREATE TYPE event_row AS (
    partition   smallint,
    captured_at timestamptz,
    garage_id   text,
    event_id    text,
    lane_id     text,
    kind        text,
    received_at timestamptz,
    number      text,
    colour      text,
    confidence  double precision,
    candidates  text,
    offline     boolean,
    verdict     text,
    reason      text,
    amount_fen  bigint,
    limit_fen   bigint,
    result      text,
    session_id  uuid
);

-- A step of a session; where it closes the session, its bill, and where something is due, a charge.
CREATE TYPE step_row AS (
    record_no         integer,
    partition         smallint,
    entered_at        timestamptz,
    session_id        uuid,
    garage_id         text,
    number            text,
    colour            text,
    entry_lane_id     text,
    entry_event_id    text,
    tariff_version_id text,
    account_id        uuid,
    state             text,
    previous_state    text,
    last_step         text,
    version           integer,
    left_at           timestamptz,
    exit_lane_id      text,
    bill_id           uuid,
    amount_fen        bigint,
    prepaid_fen       bigint,
    reason            text,
    proof             text,
    charge_id         uuid,
    collect_from      uuid,
    collect_at        timestamptz
);

CREATE TYPE entry_row AS (
    record_no      integer,
    partition      smallint,
    transaction_id uuid,
    line           smallint,
    kind           text,
    debit_account  text,
    credit_account text,
    amount_fen     bigint,
    garage_id      text,
    bill_id        uuid
);

CREATE TYPE item_row AS (
    record_no integer,
    partition smallint,
    item_id   text,
    garage_id text,
    cause     text,
    details   text,
    opened_at timestamptz
);
