-- What the books refused is kept as the journal had it, until a person has settled it: it can be sent once more.
ALTER TABLE quarantine ADD COLUMN message text;
GRANT UPDATE (message) ON quarantine TO leave_first_app;
