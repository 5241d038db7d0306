-- Keeps a voucher for a plate at a garage; no row when the last one said the same a moment ago, or there is no
-- such garage. A later one of the same moment is dated a microsecond after the earlier one.
-- $1 partition smallint
-- $2 garage_id text
-- $3 number text
-- $4 rail text
-- $5 limit_fen bigint
-- $6 given_at timestamptz
-- $7 repeated_within interval
WITH latest AS (
    SELECT limit_fen, given_at
    FROM voucher
    WHERE number = $3::text AND garage_id = $2::text AND rail = $4::text
    ORDER BY given_at DESC
    LIMIT 1
)
INSERT INTO voucher (partition, garage_id, number, rail, limit_fen, given_at)
SELECT
    $1::smallint, garage_id, $3::text, $4::text, $5::bigint,
    greatest($6::timestamptz, (SELECT given_at FROM latest) + interval '1 microsecond')
FROM garage
WHERE garage_id = $2::text
    AND NOT EXISTS (
        SELECT FROM latest WHERE limit_fen = $5::bigint AND given_at > $6::timestamptz - $7::interval
    )
ON CONFLICT (partition, garage_id, number, rail, given_at) DO NOTHING
RETURNING given_at
