-- Books a corrected bill and its charge, and who corrected what and why. The bill's ledger entries are posted
-- with those of the credit note, in one statement, so that balances are locked once. What waited for a person
-- about the bill that was credited is settled by it; so is an item about what it left unused of a payment inside, where
-- that is another sum now: the next look opens another about what is left, if anything is.
-- $1 partition smallint
-- $2 entered_at timestamptz
-- $3 session_id uuid
-- $4 version integer
-- $5 correction integer
-- $6 bill_id uuid
-- $7 garage_id text
-- $8 account_id uuid
-- $9 number text
-- $10 colour text
-- $11 stay_from timestamptz
-- $12 left_at timestamptz
-- $13 tariff_version_id text
-- $14 amount_fen bigint
-- $15 prepaid_fen bigint
-- $16 reason text
-- $17 proof text
-- $18 charge_id uuid
-- $19 collect_at timestamptz
-- $20 correction_id text
-- $21 request text
-- $22 why text
-- $23 corrected_by text
-- $24 credits_bill_id uuid
-- $25 now timestamptz
-- $26 benefits text
-- $27 earlier text
-- $28 changes text
-- $29 vehicle_class text
WITH billed AS (
    INSERT INTO bill (
        partition, entered_at, bill_id, garage_id, session_id, version, correction, kind, account_id, number, colour,
        stay_from, left_at, tariff_version_id, amount_fen, prepaid_fen, reason, proof, benefits, earlier, changes,
        vehicle_class, raised_at
    )
    VALUES (
        $1::smallint, $2::timestamptz, $6::uuid, $7::text, $3::uuid, $4::integer, $5::integer, 'bill', $8::uuid,
        $9::text, $10::text, $11::timestamptz, $12::timestamptz, $13::text, $14::bigint, $15::bigint, $16::text,
        $17::text, $26::text, $27::text, $28::text, $29::text, $25::timestamptz
    )
),
agreed AS (
    SELECT rail, reference
    FROM agreement
    WHERE account_id = $8::uuid AND ended_at IS NULL
    ORDER BY rank
    LIMIT 1
),
charged AS (
    INSERT INTO charge (
        partition, charge_id, direction, garage_id, bill_id, session_id, account_id, rail, agreement, amount_fen,
        state, previous_state, last_step, raised_at, next_at, moved_at
    )
    SELECT
        $1::smallint, $18::uuid, 'collect', $7::text, $6::uuid, $3::uuid, $8::uuid, agreed.rail, agreed.reference,
        $14::bigint - $15::bigint,
        CASE WHEN agreed.rail IS NULL THEN 'unassigned' ELSE 'due' END,
        'none',
        CASE WHEN agreed.rail IS NULL THEN 'raised_unassigned' ELSE 'raised' END,
        $25::timestamptz,
        CASE WHEN agreed.rail IS NOT NULL THEN $19::timestamptz END,
        $25::timestamptz
    FROM (SELECT) AS one
    LEFT JOIN agreed ON true
    WHERE $14::bigint > $15::bigint
),
settled AS (
    UPDATE quarantine
    SET state = 'resolved', resolution = 'correct', resolved_by = $23::text, resolved_at = $25::timestamptz,
        note = $22::text
    WHERE partition = $1::smallint AND garage_id = $7::text AND state = 'open'
        AND (
            cause IN ('unconfirmed_plate', 'grant_refused', 'impossible_stay')
            AND details ->> 'bill_id' = $24::uuid::text
            OR cause = 'prepaid_unused' AND details ->> 'session_id' = $3::uuid::text AND $15::bigint <> (
                SELECT prepaid_fen FROM bill
                WHERE partition = $1::smallint AND entered_at = $2::timestamptz AND bill_id = $24::uuid
            )
        )
)
INSERT INTO correction (
    partition, session_id, entered_at, version, correction, correction_id, request, garage_id, number, colour,
    stay_from, left_at, vehicle_class, reason, corrected_by, corrected_at, credits_bill_id, bill_id
)
VALUES (
    $1::smallint, $3::uuid, $2::timestamptz, $4::integer, $5::integer, $20::text, $21::text, $7::text, $9::text,
    $10::text, $11::timestamptz, $12::timestamptz, $29::text, $22::text, $23::text, $25::timestamptz, $24::uuid, $6::uuid
)
