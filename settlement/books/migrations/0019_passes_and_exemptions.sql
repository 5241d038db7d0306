-- Vehicles from which nothing is due, and passes: places that are paid for in advance.

-- Exemptions ---------------------------------------------------------------------------------------

-- By plate, or by the class of vehicle that a plate shows; at one garage, or at all of an operator.
CREATE TABLE exemption (
    exemption_id  text        PRIMARY KEY,
    garage_id     text        REFERENCES garage (garage_id),
    operator_id   text,
    number        text,
    colour        text,
    vehicle_class text,
    cause         text        NOT NULL,
    cars_inside   text        NOT NULL,
    valid_from    timestamptz NOT NULL,
    valid_until   timestamptz,
    added_by      text        NOT NULL,
    added_at      timestamptz NOT NULL,
    ended_by      text,
    ended_at      timestamptz,
    CONSTRAINT exemption_reaches_one CHECK ((garage_id IS NULL) <> (operator_id IS NULL)),
    CONSTRAINT exemption_names_one CHECK (
        (number IS NULL) = (colour IS NULL) AND (number IS NULL) <> (vehicle_class IS NULL)
    ),
    CONSTRAINT exemption_cars_inside CHECK (cars_inside IN ('at_once', 'next_entry')),
    CONSTRAINT exemption_ends_after_it_begins CHECK (valid_until > valid_from),
    CONSTRAINT exemption_is_ended_by_somebody CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX exemption_of_number ON exemption (number) WHERE number IS NOT NULL;
CREATE INDEX exemption_of_class ON exemption (vehicle_class) WHERE vehicle_class IS NOT NULL;

-- Passes -------------------------------------------------------------------------------------------

-- The plates of a pass, or of its account, share its places: who finds none parks as a visitor.
CREATE TABLE pass (
    partition        smallint    NOT NULL,
    garage_id        text        NOT NULL REFERENCES garage (garage_id),
    pass_id          text        NOT NULL,
    name             text        NOT NULL,
    account_id       uuid        REFERENCES account (account_id),
    places           integer     NOT NULL,
    when_place_frees text        NOT NULL,
    valid_from       timestamptz NOT NULL,
    valid_until      timestamptz NOT NULL,
    put_by           text        NOT NULL,
    put_at           timestamptz NOT NULL,
    PRIMARY KEY (partition, garage_id, pass_id),
    CONSTRAINT pass_has_places CHECK (places > 0),
    CONSTRAINT pass_when_place_frees CHECK (when_place_frees IN ('stays_visitor', 'takes_place')),
    CONSTRAINT pass_ends_after_it_begins CHECK (valid_until > valid_from)
);
CREATE INDEX pass_of_account ON pass (account_id) WHERE account_id IS NOT NULL;

CREATE TABLE pass_plate (
    partition smallint NOT NULL,
    garage_id text     NOT NULL,
    pass_id   text     NOT NULL,
    number    text     NOT NULL,
    colour    text     NOT NULL,
    PRIMARY KEY (partition, garage_id, pass_id, number, colour),
    FOREIGN KEY (partition, garage_id, pass_id) REFERENCES pass (partition, garage_id, pass_id)
);
CREATE INDEX pass_plate_of_number ON pass_plate (number);

-- Which stay had which place from when until when. A row without a place is of a stay that found none.
CREATE TABLE pass_place (
    partition  smallint    NOT NULL,
    garage_id  text        NOT NULL,
    pass_id    text        NOT NULL,
    place      integer,
    session_id uuid        NOT NULL,
    taken_at   timestamptz NOT NULL,
    freed_at   timestamptz,
    FOREIGN KEY (partition, garage_id, pass_id) REFERENCES pass (partition, garage_id, pass_id),
    CONSTRAINT pass_place_is_freed_later CHECK (freed_at >= taken_at)
);
CREATE UNIQUE INDEX pass_place_holds_one_car ON pass_place (partition, garage_id, pass_id, place)
    WHERE freed_at IS NULL AND place IS NOT NULL;
CREATE UNIQUE INDEX pass_place_once_a_stay ON pass_place (session_id, pass_id) WHERE freed_at IS NULL;
CREATE INDEX pass_place_of_session ON pass_place (session_id);

GRANT SELECT, INSERT ON exemption, pass, pass_plate, pass_place TO leave_first_app;
GRANT UPDATE (ended_by, ended_at) ON exemption TO leave_first_app;
GRANT UPDATE (name, account_id, places, when_place_frees, valid_until, put_by, put_at) ON pass TO leave_first_app;
GRANT DELETE ON pass_plate TO leave_first_app;
GRANT UPDATE (freed_at) ON pass_place TO leave_first_app;
