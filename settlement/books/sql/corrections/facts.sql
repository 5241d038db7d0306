-- What a corrected bill needs to know: how much of it is prepaid, when its driver paid inside, and whose the plate
-- is. A plate whose colour was not seen belongs to an account only when its number is bound once; a disputed binding is
-- nobody's.
-- $1 partition smallint
-- $2 entered_at timestamptz
-- $3 session_id uuid
-- $4 version integer
-- $5 left_at timestamptz
-- $6 number text
-- $7 colour text
SELECT
    (
        SELECT prepaid_fen FROM bill
        WHERE partition = $1::smallint AND entered_at = $2::timestamptz AND session_id = $3::uuid
            AND version = $4::integer AND correction = 0 AND kind = 'bill'
    ) AS prepaid_fen,
    (
        SELECT max(received_at) FROM prepayment
        WHERE session_id = $3::uuid AND received_at <= $5::timestamptz
    ) AS prepaid_at,
    (
        SELECT account_id FROM account_plate
        WHERE number = $6::text AND disputed_at IS NULL
            AND (
                colour = $7::text
                OR ($7::text = 'unknown'
                    AND 1 = (SELECT count(*) FROM account_plate AS bound WHERE bound.number = $6::text))
            )
    ) AS account_id
