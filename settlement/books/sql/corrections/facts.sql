-- What a corrected bill needs to know: how much was paid inside for it and not given back, used by the bill before or
-- not, and when its driver paid that.
-- $1 partition smallint
-- $2 entered_at timestamptz
-- $3 session_id uuid
-- $4 version integer
-- $5 left_at timestamptz
SELECT
    (
        SELECT least(greatest(prepaid_fen, (
            SELECT coalesce(sum(amount_fen), 0) FROM prepayment
            WHERE session_id = $3::uuid AND received_at <= $5::timestamptz
        )), (
            SELECT coalesce(sum(amount_fen), 0) FROM prepayment WHERE session_id = $3::uuid
        ) - (
            SELECT coalesce(sum(amount_fen), 0) FROM prepayment_refund WHERE session_id = $3::uuid
        ))::bigint
        FROM bill
        WHERE partition = $1::smallint AND entered_at = $2::timestamptz AND session_id = $3::uuid
            AND version = $4::integer AND correction = 0 AND kind = 'bill'
    ) AS prepaid_fen,
    (
        SELECT max(received_at) FROM prepayment
        WHERE session_id = $3::uuid AND received_at <= $5::timestamptz AND NOT needless
    ) AS prepaid_at
