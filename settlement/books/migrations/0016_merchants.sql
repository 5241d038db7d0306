-- Merchants of garages: what coupons they may give, to whom they gave them, and which bills have used them.

CREATE TABLE merchant (
    partition      smallint    NOT NULL,
    garage_id      text        NOT NULL,
    merchant_id    text        NOT NULL,
    name           text        NOT NULL,
    zone           text        NOT NULL,
    funding        text        NOT NULL,
    budget_fen     bigint,
    budget_coupons integer,
    budget_per     text        NOT NULL,
    added_at       timestamptz NOT NULL,
    PRIMARY KEY (partition, garage_id, merchant_id),
    CONSTRAINT merchant_of_garage FOREIGN KEY (partition, garage_id) REFERENCES garage (partition, garage_id),
    CONSTRAINT merchant_id_form CHECK (merchant_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    CONSTRAINT merchant_funding CHECK (funding IN ('worth', 'face')),
    CONSTRAINT merchant_budget CHECK (budget_fen >= 0 AND budget_coupons >= 0 AND budget_per IN ('month', 'all'))
);

CREATE TABLE coupon_template (
    partition   smallint    NOT NULL,
    garage_id   text        NOT NULL,
    merchant_id text        NOT NULL,
    template_id text        NOT NULL,
    terms       jsonb       NOT NULL,
    put_at      timestamptz NOT NULL,
    PRIMARY KEY (partition, garage_id, merchant_id, template_id),
    CONSTRAINT coupon_template_of_merchant FOREIGN KEY (partition, garage_id, merchant_id)
        REFERENCES merchant (partition, garage_id, merchant_id),
    CONSTRAINT coupon_template_id_form CHECK (template_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$')
);

-- A coupon is for a plate or, with only_session_id, for one stay. session_id is the stay that has it: no other
-- one can, until that one has ended without using it. What counts against the budget is what it may cost as long
-- as it can be used, what it has cost once it is, and nothing else.
CREATE TABLE coupon (
    partition       smallint    NOT NULL,
    garage_id       text        NOT NULL,
    merchant_id     text        NOT NULL,
    coupon_id       text        NOT NULL,
    template_id     text        NOT NULL,
    per_stay_max    smallint    NOT NULL,
    number          text        NOT NULL,
    only_session_id uuid,
    session_id      uuid,
    terms           text        NOT NULL,
    reserved_fen    bigint      NOT NULL,
    counted_fen     bigint      NOT NULL,
    month           date        NOT NULL,
    given_by        text        NOT NULL,
    given_at        timestamptz NOT NULL,
    valid_until     timestamptz NOT NULL,
    revoked_at      timestamptz,
    state           text        NOT NULL,
    previous_state  text        NOT NULL,
    last_step       text        NOT NULL,
    moved_at        timestamptz NOT NULL,
    CONSTRAINT coupon_is_given_once PRIMARY KEY (partition, garage_id, merchant_id, coupon_id),
    CONSTRAINT coupon_of_merchant FOREIGN KEY (partition, garage_id, merchant_id)
        REFERENCES merchant (partition, garage_id, merchant_id),
    CONSTRAINT coupon_amounts CHECK (reserved_fen >= 0 AND counted_fen >= 0),
    CONSTRAINT coupon_counts_as_it_stands CHECK (
        CASE state WHEN 'given' THEN counted_fen = reserved_fen WHEN 'used' THEN true ELSE counted_fen = 0 END
    ),
    CONSTRAINT coupon_revoked_since CHECK (state <> 'revoked' OR revoked_at IS NOT NULL),
    CONSTRAINT coupon_transition CHECK ((previous_state, last_step, state) IN (
        ('none', 'given', 'given'),
        ('given', 'used', 'used'),
        ('given', 'revoked', 'revoked'),
        ('given', 'expired', 'expired'),
        ('revoked', 'used', 'used'),
        ('expired', 'used', 'used'),
        ('used', 'freed', 'given'),
        ('used', 'freed', 'revoked')
    ))
);
CREATE INDEX coupon_of_plate ON coupon (partition, garage_id, number) WHERE state = 'given';
CREATE INDEX coupon_of_session ON coupon (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX coupon_by_giving ON coupon (partition, garage_id, merchant_id, given_at, coupon_id);
CREATE INDEX coupon_counted ON coupon (partition, garage_id, merchant_id, month) INCLUDE (counted_fen)
    WHERE state IN ('given', 'used');
CREATE INDEX coupon_expiring ON coupon (partition, garage_id, merchant_id, valid_until) WHERE state = 'given';

-- Which bill has used a coupon, and until when: a credit note frees it.
CREATE TABLE coupon_use (
    partition   smallint    NOT NULL,
    bill_id     uuid        NOT NULL,
    garage_id   text        NOT NULL,
    merchant_id text        NOT NULL,
    coupon_id   text        NOT NULL,
    worth_fen   bigint      NOT NULL,
    owed_fen    bigint      NOT NULL,
    used_at     timestamptz NOT NULL,
    released_at timestamptz,
    PRIMARY KEY (partition, bill_id, merchant_id, coupon_id),
    CONSTRAINT coupon_use_of_coupon FOREIGN KEY (partition, garage_id, merchant_id, coupon_id)
        REFERENCES coupon (partition, garage_id, merchant_id, coupon_id),
    CONSTRAINT coupon_use_amounts CHECK (worth_fen > 0 AND owed_fen >= 0)
);
CREATE UNIQUE INDEX coupon_is_used_once ON coupon_use (partition, garage_id, merchant_id, coupon_id)
    WHERE released_at IS NULL;
CREATE INDEX coupon_use_by_time ON coupon_use (partition, garage_id, merchant_id, used_at);
CREATE INDEX coupon_use_by_release ON coupon_use (partition, garage_id, merchant_id, released_at)
    WHERE released_at IS NOT NULL;

CREATE TYPE coupon_use_row AS (
    record_no   integer,
    partition   smallint,
    bill_id     uuid,
    session_id  uuid,
    garage_id   text,
    merchant_id text,
    coupon_id   text,
    worth_fen   bigint,
    owed_fen    bigint
);

CREATE TABLE merchant_payment (
    partition   smallint    NOT NULL,
    garage_id   text        NOT NULL,
    merchant_id text        NOT NULL,
    payment_id  text        NOT NULL,
    amount_fen  bigint      NOT NULL,
    method      text        NOT NULL,
    recorded_by text        NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT merchant_payment_is_booked_once PRIMARY KEY (partition, garage_id, merchant_id, payment_id),
    CONSTRAINT merchant_payment_of_merchant FOREIGN KEY (partition, garage_id, merchant_id)
        REFERENCES merchant (partition, garage_id, merchant_id),
    CONSTRAINT merchant_payment_amount CHECK (amount_fen > 0)
);

ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_kind;
ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_kind CHECK (kind IN (
    'bill_raised', 'bill_credited', 'prepayment_received', 'prepayment_used', 'prepayment_restored',
    'prepayment_released', 'charge_paid', 'refund_owed', 'refund_paid', 'debt_collected', 'debt_collected_for',
    'debt_released', 'coupons_funded', 'coupons_released', 'merchant_paid'
));

-- A merchant's token gives and revokes the merchant's own coupons.
ALTER TABLE access_token ADD COLUMN merchant_id text;
ALTER TABLE access_token DROP CONSTRAINT access_token_kind;
ALTER TABLE access_token ADD CONSTRAINT access_token_kind
    CHECK (kind IN ('controller', 'merchant', 'operator_read', 'operator_full'));
ALTER TABLE access_token DROP CONSTRAINT access_token_controller_has_garage;
ALTER TABLE access_token ADD CONSTRAINT access_token_has_its_place CHECK (
    (kind IN ('controller', 'merchant')) = (garage_id IS NOT NULL)
    AND (kind = 'controller') = (controller_id IS NOT NULL AND lane_ids IS NOT NULL)
    AND (kind = 'merchant') = (merchant_id IS NOT NULL)
);

-- Rights -----------------------------------------------------------------------------------------

GRANT SELECT, INSERT ON merchant, coupon_template, coupon, coupon_use, merchant_payment TO leave_first_app;
GRANT UPDATE (name, zone, funding, budget_fen, budget_coupons, budget_per) ON merchant TO leave_first_app;
GRANT UPDATE (terms, put_at) ON coupon_template TO leave_first_app;
GRANT UPDATE (session_id, counted_fen, revoked_at, state, previous_state, last_step, moved_at) ON coupon
    TO leave_first_app;
GRANT UPDATE (released_at) ON coupon_use TO leave_first_app;
