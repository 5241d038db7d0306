-- Months: the tables that grow without end are split by the calendar months of UTC.
--
-- A row of a month that nobody has prepared goes to the default partition, so that no insert ever fails
-- for want of a partition. A month that the default partition already holds rows of cannot be split off
-- while it does: ensure_month leaves it and says so.

CREATE TABLE gate_event_default PARTITION OF gate_event DEFAULT;
CREATE TABLE session_default PARTITION OF session DEFAULT;
CREATE TABLE bill_default PARTITION OF bill DEFAULT;
CREATE TABLE ledger_entry_default PARTITION OF ledger_entry DEFAULT;

CREATE FUNCTION ensure_month(parent text, month timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    first_moment timestamptz := date_trunc('month', month, 'UTC');
    next_moment  timestamptz := date_trunc('month', first_moment AT TIME ZONE 'UTC' + interval '1 month')
                                AT TIME ZONE 'UTC';
    child        text := parent || to_char(first_moment AT TIME ZONE 'UTC', '_YYYY_MM');
BEGIN
    IF to_regclass(quote_ident(child)) IS NOT NULL THEN
        RETURN 'present';
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                   child, parent, first_moment, next_moment);
    RETURN 'made';
EXCEPTION
    WHEN duplicate_table OR invalid_object_definition THEN
        RETURN 'present';
    WHEN check_violation THEN
        RETURN 'occupied';
END
$$;
REVOKE ALL ON FUNCTION ensure_month (text, timestamptz) FROM PUBLIC;
