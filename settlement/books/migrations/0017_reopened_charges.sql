-- A driver pays by his rail what it had given up: the charge is sent once more, by the same rail.

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
    ('unpaid', 'reopened', 'due'),
    ('unpaid', 'voided', 'voided'),
    ('voided', 'paid', 'paid')
));

DROP TRIGGER charge_is_assigned_once ON charge;
CREATE TRIGGER charge_is_assigned_once BEFORE UPDATE OF rail, agreement ON charge
    FOR EACH ROW
    WHEN (
        (OLD.rail IS NOT NULL OR OLD.state <> 'unassigned')
        AND (NEW.rail IS NOT NULL OR NEW.state <> 'unassigned' OR OLD.attempts > 0)
        AND (NEW.rail IS DISTINCT FROM OLD.rail OR OLD.state <> 'unpaid' OR NEW.state <> 'due')
    )
    EXECUTE FUNCTION refuse_reassigning();
