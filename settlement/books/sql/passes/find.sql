-- A garage's passes, or one of them, with their plates and the stays that have their places now.
-- $1 garage_id text
-- $2 pass_id text
SELECT
    pass_id, garage_id, name, account_id, places, when_place_frees, valid_from, valid_until,
    ARRAY(
        SELECT number FROM pass_plate AS own
        WHERE own.partition = pass.partition AND own.garage_id = pass.garage_id AND own.pass_id = pass.pass_id
        ORDER BY number, colour
    ) AS numbers,
    ARRAY(
        SELECT colour FROM pass_plate AS own
        WHERE own.partition = pass.partition AND own.garage_id = pass.garage_id AND own.pass_id = pass.pass_id
        ORDER BY number, colour
    ) AS colours,
    ARRAY(
        SELECT session_id FROM pass_place AS taken
        WHERE taken.partition = pass.partition AND taken.garage_id = pass.garage_id
            AND taken.pass_id = pass.pass_id AND taken.freed_at IS NULL
        ORDER BY place
    ) AS session_ids
FROM pass
WHERE garage_id = $1::text AND ($2::text IS NULL OR pass_id = $2::text)
ORDER BY pass_id
