-- Whose the garages are.
SELECT garage_id, operator_id FROM garage
