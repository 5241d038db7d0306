-- Why a car was held at an entry, where no session tells of it: by which debt, and by which rules of whose policy.

ALTER TABLE gate_event ADD COLUMN debt_reference text;
ALTER TYPE event_row ADD ATTRIBUTE debt_reference text;

-- What the entries of some garages were told of a debt; the same rules of the same policy once.
CREATE TABLE entry_notice (
    reference         text        NOT NULL REFERENCES debt_notice,
    policy_version_id text        NOT NULL,
    rules             jsonb       NOT NULL,
    garage_ids        text[]      NOT NULL,
    noticed_at        timestamptz NOT NULL
);
CREATE UNIQUE INDEX entry_notice_is_kept_once ON entry_notice (reference, policy_version_id, md5(rules::text));

GRANT SELECT, INSERT ON entry_notice TO leave_first_app;
GRANT UPDATE (garage_ids) ON entry_notice TO leave_first_app;
