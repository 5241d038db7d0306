-- The plates of some accounts, and those with some numbers that are bound or have a bill of nobody.
-- $1 account_id uuid[]
-- $2 number text[]
SELECT number, colour FROM account_plate WHERE account_id = ANY ($1::uuid[]) OR number = ANY ($2::text[])
UNION
SELECT number, colour FROM bill WHERE number = ANY ($2::text[]) AND account_id IS NULL AND amount_fen > prepaid_fen
