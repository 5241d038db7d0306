-- What was paid inside and given back: for a stay that is over, never more than its bills leave unused.

CREATE TABLE prepayment_refund (
    partition  smallint    NOT NULL,
    refund_id  text        NOT NULL,
    garage_id  text        NOT NULL,
    session_id uuid        NOT NULL,
    amount_fen bigint      NOT NULL,
    method     text        NOT NULL,
    given_by   text        NOT NULL,
    given_at   timestamptz NOT NULL,
    CONSTRAINT prepayment_refund_is_booked_once PRIMARY KEY (partition, refund_id),
    CONSTRAINT prepayment_refund_amount CHECK (amount_fen > 0)
);
CREATE INDEX prepayment_refund_of_session ON prepayment_refund (session_id);
GRANT SELECT, INSERT ON prepayment_refund TO leave_first_app;
