-- The ledger in links, each sealed by a digest over its entries and the link before: who changes, adds or takes away
-- an entry behind the last link, by whatever right, is found out.

CREATE TABLE ledger_link (
    partition    smallint    NOT NULL,
    link_no      bigint      NOT NULL,
    posted_from  timestamptz NOT NULL,
    posted_until timestamptz NOT NULL,
    entries      bigint      NOT NULL,
    digest       bytea       NOT NULL,
    sealed_at    timestamptz NOT NULL,
    CONSTRAINT ledger_link_is_sealed_once PRIMARY KEY (partition, link_no),
    CONSTRAINT ledger_link_begins_once UNIQUE (partition, posted_from),
    CONSTRAINT ledger_link_number CHECK (link_no > 0),
    CONSTRAINT ledger_link_span CHECK (posted_from < posted_until),
    CONSTRAINT ledger_link_digest CHECK (octet_length(digest) = 32)
);
CREATE INDEX ledger_entry_posted ON ledger_entry USING brin (posted_at) WITH (autosummarize = on);
GRANT SELECT, INSERT ON ledger_link TO leave_first_app;

-- SHA-256 over all that an entry says; times in microseconds, so that no setting of a session changes it.
CREATE FUNCTION ledger_entry_digest(
    partition smallint, posted_at timestamptz, transaction_id uuid, line smallint, kind text, debit_account text,
    credit_account text, amount_fen bigint, garage_id text, bill_id uuid, charge_id uuid
) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(convert_to(
    partition || E'\n' || (extract(epoch FROM posted_at) * 1000000)::bigint || E'\n' || transaction_id || E'\n' || line
    || E'\n' || kind || E'\n' || debit_account || E'\n' || credit_account || E'\n' || amount_fen || E'\n' || garage_id
    || E'\n' || coalesce(bill_id::text, '-') || E'\n' || coalesce(charge_id::text, '-'),
    'UTF8'
));
