-- Misread plates, corrected bills, and stays that cannot have been.

-- Corrections ------------------------------------------------------------------------------------

-- A bill that was wrong is credited, and another one of the same closing takes its place: they are told apart
-- by how often the closing was corrected before. A corrected entry cannot move the bill to another month: the
-- row stays beside its session, and stay_from says from when it counts.
ALTER TABLE bill ADD COLUMN correction integer NOT NULL DEFAULT 0;
ALTER TABLE bill ADD COLUMN stay_from timestamptz;
ALTER TABLE bill DROP CONSTRAINT bill_once_per_version;
ALTER TABLE bill ADD CONSTRAINT bill_once_per_version
    UNIQUE (partition, entered_at, session_id, version, correction, kind);
ALTER TABLE bill DROP CONSTRAINT bill_leaves_after_entry;
ALTER TABLE bill ADD CONSTRAINT bill_leaves_after_entry CHECK (left_at >= coalesce(stay_from, entered_at));
ALTER TABLE bill ADD CONSTRAINT bill_correction CHECK (correction >= 0);

-- The session stays as its gates saw it; this is what a person found to be true. All facts are written out,
-- also those that were right.
CREATE TABLE correction (
    partition       smallint    NOT NULL,
    session_id      uuid        NOT NULL,
    entered_at      timestamptz NOT NULL,
    version         integer     NOT NULL,
    correction      integer     NOT NULL,
    correction_id   text        NOT NULL,
    request         text        NOT NULL,
    garage_id       text        NOT NULL,
    number          text        NOT NULL,
    colour          text        NOT NULL,
    stay_from       timestamptz NOT NULL,
    left_at         timestamptz NOT NULL,
    reason          text        NOT NULL,
    corrected_by    text        NOT NULL,
    corrected_at    timestamptz NOT NULL,
    credits_bill_id uuid        NOT NULL,
    bill_id         uuid        NOT NULL,
    CONSTRAINT correction_is_made_once PRIMARY KEY (partition, session_id, correction_id),
    CONSTRAINT correction_once_per_bill UNIQUE (partition, session_id, version, correction),
    CONSTRAINT correction_number CHECK (correction > 0),
    CONSTRAINT correction_leaves_after_entry CHECK (left_at >= stay_from),
    CONSTRAINT correction_has_a_reason CHECK (trim(reason) <> '' AND trim(corrected_by) <> '')
);
CREATE INDEX correction_by_plate ON correction (number, stay_from);
CREATE INDEX correction_of_session ON correction (session_id);
GRANT SELECT, INSERT ON correction TO leave_first_app;

-- Stays that cannot have been --------------------------------------------------------------------

-- Of WGS 84; how far apart two garages are decides how soon a car can be in both.
ALTER TABLE garage ADD COLUMN latitude_microdegrees integer;
ALTER TABLE garage ADD COLUMN longitude_microdegrees integer;
ALTER TABLE garage ADD CONSTRAINT garage_position CHECK (
    (latitude_microdegrees IS NULL) = (longitude_microdegrees IS NULL)
    AND latitude_microdegrees BETWEEN -90000000 AND 90000000
    AND longitude_microdegrees BETWEEN -180000000 AND 180000000
);
GRANT UPDATE (latitude_microdegrees, longitude_microdegrees) ON garage TO leave_first_app;

-- A charge that nobody has been asked for can go back to wait for a person; it is then of no rail.
ALTER TABLE charge DROP CONSTRAINT charge_transition;
ALTER TABLE charge ADD CONSTRAINT charge_transition CHECK ((previous_state, last_step, state) IN (
    ('none', 'raised', 'due'),
    ('none', 'raised_unassigned', 'unassigned'),
    ('unassigned', 'assigned', 'due'),
    ('unassigned', 'collected', 'collected'),
    ('unassigned', 'voided', 'voided'),
    ('due', 'sent', 'sent'),
    ('due', 'paid', 'paid'),
    ('due', 'collected', 'collected'),
    ('due', 'set_aside', 'unassigned'),
    ('due', 'voided', 'voided'),
    ('sent', 'paid', 'paid'),
    ('sent', 'accepted', 'accepted'),
    ('sent', 'declined', 'due'),
    ('sent', 'gave_up', 'unpaid'),
    ('sent', 'lost_sight', 'in_doubt'),
    ('sent', 'voided', 'voided'),
    ('accepted', 'paid', 'paid'),
    ('accepted', 'declined', 'due'),
    ('accepted', 'gave_up', 'unpaid'),
    ('accepted', 'lost_sight', 'in_doubt'),
    ('accepted', 'voided', 'voided'),
    ('in_doubt', 'paid', 'paid'),
    ('in_doubt', 'accepted', 'accepted'),
    ('in_doubt', 'declined', 'due'),
    ('in_doubt', 'gave_up', 'unpaid'),
    ('in_doubt', 'not_received', 'due'),
    ('in_doubt', 'escalated', 'review'),
    ('in_doubt', 'voided', 'voided'),
    ('review', 'paid', 'paid'),
    ('review', 'gave_up', 'unpaid'),
    ('review', 'voided', 'voided'),
    ('unpaid', 'collected', 'collected'),
    ('unpaid', 'voided', 'voided'),
    ('voided', 'paid', 'paid')
));
DROP TRIGGER charge_is_assigned_once ON charge;
CREATE TRIGGER charge_is_assigned_once BEFORE UPDATE OF rail, agreement ON charge
    FOR EACH ROW
    WHEN (
        (OLD.rail IS NOT NULL OR OLD.state <> 'unassigned')
        AND (NEW.rail IS NOT NULL OR NEW.state <> 'unassigned' OR OLD.attempts > 0)
    )
    EXECUTE FUNCTION refuse_reassigning();

-- Misreads ---------------------------------------------------------------------------------------

-- What was looked for and found about an exit that ended no session, beside what happened, which stays.
ALTER TABLE quarantine ADD COLUMN finding jsonb;
ALTER TABLE quarantine ADD COLUMN looked_at timestamptz;
GRANT UPDATE (finding, looked_at) ON quarantine TO leave_first_app;
CREATE INDEX quarantine_unmatched ON quarantine (opened_at)
    WHERE state = 'open' AND details ->> 'kind' = 'exit' AND details ->> 'session_id' IS NULL;
