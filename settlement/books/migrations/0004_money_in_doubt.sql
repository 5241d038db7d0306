-- Money that moved after all, and ways to find quickly what a person must see.

-- A rail that has "never received" an attempt may have: its payment counts while the charge waits to be sent
-- again, and when the charge was voided on that word, it is paid and given back.
ALTER TABLE charge DROP CONSTRAINT charge_transition;
ALTER TABLE charge ADD CONSTRAINT charge_transition CHECK ((previous_state, last_step, state) IN (
    ('none', 'raised', 'due'),
    ('none', 'raised_unassigned', 'unassigned'),
    ('unassigned', 'assigned', 'due'),
    ('unassigned', 'voided', 'voided'),
    ('due', 'sent', 'sent'),
    ('due', 'paid', 'paid'),
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
    ('unpaid', 'voided', 'voided'),
    ('voided', 'paid', 'paid')
));

-- What was paid inside lately is looked at often.
CREATE INDEX prepayment_received ON prepayment (received_at);

-- A charge that waits for a person gets its rail and agreement when a person has confirmed it, once.
GRANT UPDATE (rail, agreement) ON charge TO leave_first_app;
CREATE FUNCTION refuse_reassigning() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the rail and the agreement of a charge are written once';
END
$$;
CREATE TRIGGER charge_is_assigned_once BEFORE UPDATE OF rail, agreement ON charge
    FOR EACH ROW WHEN (OLD.rail IS NOT NULL OR OLD.state <> 'unassigned') EXECUTE FUNCTION refuse_reassigning();
