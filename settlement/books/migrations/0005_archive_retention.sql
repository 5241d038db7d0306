-- The archive of gate events says who was where and when: it is kept for as long as the operator says.
--
-- Bills, ledger and charges stay; a session older than what the archive still holds has its events no more,
-- and whoever verifies knows it from archived_from.

ALTER TABLE installation ADD COLUMN archived_from timestamptz;

-- Lets go of all events captured before a moment, the beginning of a month; returns what it dropped. The caller
-- limits how long this may wait for a lock.
CREATE FUNCTION drop_archive_before(kept_from timestamptz) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    first_kept text := to_char(kept_from AT TIME ZONE 'UTC', '"gate_event_"YYYY_MM');
    child      text;
    dropped    text[] := ARRAY[]::text[];
BEGIN
    FOR child IN
        SELECT relname
        FROM pg_inherits
        JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'gate_event'::regclass
            AND relname ~ '^gate_event_[0-9]{4}_[0-9]{2}$' AND relname < first_kept
        ORDER BY relname
    LOOP
        EXECUTE format('DROP TABLE %I', child);
        dropped := dropped || child;
    END LOOP;
    DELETE FROM gate_event_default WHERE captured_at < kept_from;
    UPDATE installation SET archived_from = kept_from
    WHERE archived_from IS NULL OR archived_from < kept_from;
    RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION drop_archive_before (timestamptz) FROM PUBLIC;
