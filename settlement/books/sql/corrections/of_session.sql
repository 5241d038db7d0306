-- The corrections of a session, oldest first.
-- $1 partition smallint
-- $2 session_id uuid
SELECT correction_id, version, correction, number, colour, stay_from AS entered_at, left_at, vehicle_class, reason,
       corrected_by, corrected_at, credits_bill_id, bill_id
FROM correction
WHERE partition = $1 AND session_id = $2
ORDER BY version, correction
