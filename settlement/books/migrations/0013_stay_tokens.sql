-- Cars without a plate, which come and go by a token; pictures of entries, by which a lost token is replaced.

ALTER TABLE gate_event ADD COLUMN token_digest text;
ALTER TABLE gate_event ADD COLUMN image_reference text;
ALTER TYPE event_row ADD ATTRIBUTE token_digest text;
ALTER TYPE event_row ADD ATTRIBUTE image_reference text;

-- A car inside leaves by another token from now on: who says so, and why. Written before its gate is told.
CREATE TABLE stay_token_replacement (
    partition    smallint    NOT NULL,
    session_id   uuid        NOT NULL,
    replaced_at  timestamptz NOT NULL,
    garage_id    text        NOT NULL,
    number       text        NOT NULL,
    token_digest text        NOT NULL,
    replaced_by  text        NOT NULL,
    reason       text        NOT NULL,
    CONSTRAINT stay_token_is_replaced_once_a_moment PRIMARY KEY (partition, session_id, replaced_at),
    CONSTRAINT stay_token_replacement_has_a_reason CHECK (trim(reason) <> '' AND trim(replaced_by) <> '')
);
GRANT SELECT, INSERT ON stay_token_replacement TO leave_first_app;
