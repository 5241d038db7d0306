-- Everything kept, in the order in which it was answered.
SELECT place, event, decision FROM spool ORDER BY place
