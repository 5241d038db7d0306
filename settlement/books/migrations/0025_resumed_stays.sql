-- A stay goes on whose displacement is taken back, because the gate of the second entry had stayed shut.

ALTER TABLE session DROP CONSTRAINT session_transition;
ALTER TABLE session ADD CONSTRAINT session_transition CHECK ((previous_state, last_step, state) IN (
    ('none', 'entered', 'inside'),
    ('inside', 'left', 'closed'),
    ('inside', 'entry_undone', 'voided'),
    ('inside', 'superseded', 'superseded'),
    ('closed', 'exit_undone', 'inside'),
    ('superseded', 'left', 'closed'),
    ('superseded', 'resumed', 'inside')
));
