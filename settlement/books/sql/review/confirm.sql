-- Has the driver of an exit that a person has confirmed charged, by the first agreement of the account, and
-- resolves the item, both or neither; no row when the charge waits for nobody or the driver has agreed to none.
-- $1 partition smallint
-- $2 item_id text
-- $3 bill_id uuid
-- $4 resolution text
-- $5 resolved_by text
-- $6 now timestamptz
-- $7 note text
WITH agreed AS (
    SELECT charge.charge_id, agreement.rail, agreement.reference
    FROM charge
    JOIN agreement ON agreement.account_id = charge.account_id AND agreement.ended_at IS NULL
    WHERE charge.partition = $1::smallint AND charge.bill_id = $3::uuid AND charge.direction = 'collect'
    ORDER BY agreement.rank
    LIMIT 1
),
assigned AS (
    UPDATE charge SET
        state = 'due', previous_state = charge.state, last_step = 'assigned', rail = agreed.rail,
        agreement = agreed.reference, next_at = $6::timestamptz, moved_at = $6::timestamptz
    FROM agreed
    WHERE charge.partition = $1::smallint AND charge.charge_id = agreed.charge_id AND charge.state = 'unassigned'
        AND EXISTS (SELECT FROM quarantine WHERE partition = $1::smallint AND item_id = $2::text AND state = 'open')
    RETURNING charge.account_id
),
resolved AS (
    UPDATE quarantine
    SET state = 'resolved', resolution = $4::text, resolved_by = $5::text, resolved_at = $6::timestamptz,
        note = $7::text
    WHERE partition = $1::smallint AND item_id = $2::text AND state = 'open' AND EXISTS (SELECT FROM assigned)
    RETURNING item_id
)
SELECT account_id FROM assigned, resolved
