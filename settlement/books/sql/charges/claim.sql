-- Takes due charges of one rail for sending and saves the key of each attempt, all before the rail is
-- called. A charge that the rail had not received keeps its attempt, and so its key; its outcome is open again. A key is 32 letters
-- and digits, which every rail accepts: 28 of the charge's id and four of the attempt's number.
--
-- A charge that nobody was asked for yet is not taken when its car cannot have been there: when a car of this
-- plate was in another garage meanwhile, or was seen at one so far away that no car can have come from there, or
-- gone there, in the time between. It waits for a person instead, who finds both stays in an item. This is looked
-- up here, and not when the bill is raised, because then the other stay is known whichever was reported first.
-- A person's word stands: what has an item already is taken.
--
-- Nor is one taken as long as it is not known what its stay is given, or as its bill is disputed.
-- $1 now timestamptz
-- $2 rail text
-- $3 claimed_max bigint
-- $4 lease interval
-- $5 speed_kmh integer
-- $6 look_back interval
-- $7 clocks_apart interval
WITH picked AS MATERIALIZED (
    SELECT partition, charge_id, bill_id, session_id, direction, attempts
    FROM charge
    WHERE next_at <= $1::timestamptz AND state = 'due' AND rail = $2::text
        AND NOT (direction = 'collect' AND EXISTS (
            SELECT FROM unknown_benefits AS noted
            WHERE noted.partition = charge.partition AND noted.session_id = charge.session_id
        ))
        AND NOT (direction = 'collect' AND EXISTS (
            SELECT FROM bill_dispute
            WHERE bill_dispute.partition = charge.partition AND bill_dispute.bill_id = charge.bill_id
                AND bill_dispute.state = 'open'
        ))
    ORDER BY next_at
    LIMIT $3::bigint
    FOR NO KEY UPDATE SKIP LOCKED
), stay AS (
    SELECT
        picked.partition, picked.charge_id, bill.bill_id, bill.garage_id, bill.session_id, bill.number, bill.colour,
        bill.entered_at, coalesce(bill.stay_from, bill.entered_at) AS stay_from, bill.left_at, bill.amount_fen
    FROM picked
    JOIN session ON session.session_id = picked.session_id
    JOIN bill ON bill.partition = session.partition AND bill.entered_at = session.entered_at
        AND bill.session_id = session.session_id AND bill.bill_id = picked.bill_id
    WHERE picked.direction = 'collect' AND picked.attempts = 0
), doubted AS MATERIALIZED (
    SELECT DISTINCT ON (stay.partition, stay.charge_id)
        stay.*, other.session_id AS other_session_id, other.garage_id AS other_garage_id,
        other.stay_from AS other_entered_at, other.left_at AS other_left_at, apart.km
    FROM stay
    JOIN LATERAL (
        -- A car that has not been seen leaving is still there; one that came in again had left, nobody knows when.
        SELECT
            session_id, garage_id, partition, entered_at AS stay_from, left_at,
            CASE state WHEN 'inside' THEN 'infinity' WHEN 'superseded' THEN entered_at ELSE left_at END AS until
        FROM session
        WHERE session.number = stay.number AND (session.colour = stay.colour OR 'unknown' IN (session.colour, stay.colour))
            AND session.entered_at BETWEEN stay.stay_from - $6::interval AND stay.left_at + $6::interval
            AND session.state <> 'voided'
            AND NOT EXISTS (SELECT FROM correction WHERE correction.session_id = session.session_id)
        UNION ALL
        SELECT session_id, garage_id, partition, stay_from, left_at, left_at
        FROM correction
        WHERE correction.number = stay.number
            AND (correction.colour = stay.colour OR 'unknown' IN (correction.colour, stay.colour))
            AND correction.stay_from BETWEEN stay.stay_from - $6::interval AND stay.left_at + $6::interval
            AND NOT EXISTS (
                SELECT FROM correction AS later
                WHERE later.session_id = correction.session_id
                    AND (later.version, later.correction) > (correction.version, correction.correction)
            )
    ) AS other ON other.garage_id <> stay.garage_id
    LEFT JOIN garage AS here ON here.partition = stay.partition AND here.garage_id = stay.garage_id
    LEFT JOIN garage AS there ON there.partition = other.partition AND there.garage_id = other.garage_id
    CROSS JOIN LATERAL (
        SELECT
            radians(here.latitude_microdegrees / 1e6) AS from_north, radians(there.latitude_microdegrees / 1e6) AS to_north,
            radians((there.longitude_microdegrees - here.longitude_microdegrees) / 1e6) AS east
    ) AS angle
    CROSS JOIN LATERAL (
        -- The great circle, on a sphere of 6,371 km; no road is shorter.
        SELECT CASE
            WHEN angle.east IS NULL THEN 0
            ELSE 12742 * asin(least(1, sqrt(
                sin((to_north - from_north) / 2) ^ 2 + cos(from_north) * cos(to_north) * sin(east / 2) ^ 2
            )))
        END AS km
    ) AS apart
    WHERE other.stay_from - make_interval(secs => 3600 * apart.km / $5::integer) + $7::interval < stay.left_at
        AND other.until + make_interval(secs => 3600 * apart.km / $5::integer) - $7::interval > stay.stay_from
        AND NOT EXISTS (
            SELECT FROM quarantine
            WHERE quarantine.partition = stay.partition AND quarantine.item_id = 'impossible:' || stay.charge_id
        )
    ORDER BY stay.partition, stay.charge_id, other.stay_from
), aside AS (
    UPDATE charge
    SET previous_state = charge.state, last_step = 'set_aside', state = 'unassigned', rail = NULL, agreement = NULL,
        next_at = NULL, moved_at = $1::timestamptz
    FROM doubted
    WHERE charge.partition = doubted.partition AND charge.charge_id = doubted.charge_id
), item AS (
    INSERT INTO quarantine (partition, item_id, garage_id, cause, details, opened_at)
    SELECT
        partition, 'impossible:' || charge_id, garage_id, 'impossible_stay',
        jsonb_build_object(
            'bill_id', bill_id, 'session_id', session_id, 'number', number, 'colour', colour,
            'entered_at', entered_at, 'stay_from', stay_from, 'left_at', left_at, 'amount_fen', amount_fen,
            'other_session_id', other_session_id, 'other_garage_id', other_garage_id,
            'other_entered_at', other_entered_at, 'other_left_at', other_left_at, 'km_apart', round(km::numeric, 1)
        ),
        $1::timestamptz
    FROM doubted
), moved AS (
    UPDATE charge
    SET previous_state = charge.state,
        last_step = 'sent',
        state = 'sent',
        attempts = charge.attempts + CASE WHEN charge.same_attempt THEN 0 ELSE 1 END,
        asked = CASE WHEN charge.same_attempt THEN charge.asked ELSE 0 END,
        same_attempt = false,
        next_at = $1::timestamptz + $4::interval,
        moved_at = $1::timestamptz
    FROM picked
    WHERE charge.partition = picked.partition AND charge.charge_id = picked.charge_id
        AND NOT EXISTS (
            SELECT FROM doubted
            WHERE doubted.partition = picked.partition AND doubted.charge_id = picked.charge_id
        )
    RETURNING charge.*
), saved AS (
    INSERT INTO charge_attempt AS attempt (partition, charge_id, attempt_no, attempt_key, sent_at)
    SELECT partition, charge_id, attempts,
           left(encode(uuid_send(charge_id), 'hex'), 28) || lpad(to_hex(attempts::integer), 4, '0'),
           $1::timestamptz
    FROM moved
    ON CONFLICT (partition, charge_id, attempt_no) DO UPDATE SET sent_at = EXCLUDED.sent_at, outcome = NULL
    RETURNING attempt.partition, attempt.charge_id, attempt.attempt_no, attempt.attempt_key, attempt.outcome
)
SELECT partition, charge_id, direction, garage_id, bill_id, session_id, account_id, rail, agreement,
       amount_fen, state, attempts, asked, void_requested, last_code, raised_at, next_at,
       attempt_no, attempt_key, outcome
FROM moved
JOIN saved USING (partition, charge_id)
