-- Lets go of an event that the live store has taken.
-- ?1 place integer
DELETE FROM spool WHERE place = ?1
