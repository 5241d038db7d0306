-- Narrower rights for the application, months that are split off late, and ways to find what is looked for.

-- Months -----------------------------------------------------------------------------------------

-- Makes the partition of a month, with the rows of it that the default partition holds. The caller limits
-- how long this may wait for a lock: whoever comes after a waiting writer of the schema waits behind it.
CREATE OR REPLACE FUNCTION ensure_month(parent text, month timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    first_moment timestamptz := date_trunc('month', month, 'UTC');
    next_moment  timestamptz := date_trunc('month', first_moment AT TIME ZONE 'UTC' + interval '1 month')
                                AT TIME ZONE 'UTC';
    child        text := parent || to_char(first_moment AT TIME ZONE 'UTC', '_YYYY_MM');
    rest         text := parent || '_default';
    key          text;
BEGIN
    IF to_regclass(quote_ident(child)) IS NOT NULL THEN
        RETURN 'present';
    END IF;
    -- In this order, and all of it before anything is changed, so that nobody can be waited for in a ring.
    EXECUTE format('LOCK TABLE ONLY %I IN SHARE UPDATE EXCLUSIVE MODE', parent);
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', rest);
    IF to_regclass(quote_ident(child)) IS NOT NULL THEN
        RETURN 'present';
    END IF;
    SELECT attname INTO STRICT key
    FROM pg_partitioned_table AS split
    JOIN pg_attribute ON attrelid = split.partrelid AND attnum = split.partattrs[0]
    WHERE split.partrelid = quote_ident(parent)::regclass;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
    EXECUTE format(
        'WITH moved AS (DELETE FROM %1$I WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING *)'
        ' INSERT INTO %5$I SELECT * FROM moved',
        rest, key, first_moment, next_moment, child
    );
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   parent, child, first_moment, next_moment);
    RETURN 'made';
END
$$;

-- Rights -----------------------------------------------------------------------------------------

-- What a row says of money, plates and drivers is written once; what may change is named.
REVOKE INSERT, UPDATE ON installation, config_revision FROM leave_first_app;
REVOKE UPDATE ON
    garage, lane, garage_tariff, access_token, account, account_plate, agreement, quarantine, session,
    ledger_account, charge, charge_attempt FROM leave_first_app;
GRANT UPDATE (revision) ON config_revision TO leave_first_app;
GRANT UPDATE (name, spaces, policy) ON garage TO leave_first_app;
GRANT UPDATE (direction) ON lane TO leave_first_app;
GRANT UPDATE (revoked_at) ON access_token TO leave_first_app;
GRANT UPDATE (limit_fen, exposure_limit_fen, state) ON account TO leave_first_app;
GRANT UPDATE (ended_at) ON agreement TO leave_first_app;
GRANT UPDATE (state, resolution, resolved_by, resolved_at, note) ON quarantine TO leave_first_app;
GRANT UPDATE (account_id, state, previous_state, last_step, version, left_at, exit_lane_id) ON session
    TO leave_first_app;
GRANT UPDATE (debit_fen, credit_fen) ON ledger_account TO leave_first_app;
GRANT UPDATE (
    state, previous_state, last_step, attempts, asked, same_attempt, void_requested, last_code, next_at, moved_at
) ON charge TO leave_first_app;
GRANT UPDATE (sent_at, answered_at, outcome, code, rail_reference) ON charge_attempt TO leave_first_app;

-- Indexes ----------------------------------------------------------------------------------------

-- One rail's backlog must not be read to find what another rail is to be sent or asked.
DROP INDEX charge_waiting;
CREATE INDEX charge_due ON charge (rail, next_at) WHERE state = 'due';
CREATE INDEX charge_asked ON charge (rail, next_at) WHERE state IN ('sent', 'accepted', 'in_doubt');

-- Events are archived nearly in the order in which they were received.
CREATE INDEX gate_event_received ON gate_event USING brin (received_at);
