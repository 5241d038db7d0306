-- Whether the present user may act as this role.
-- $1 name text
SELECT pg_has_role(current_user::text, $1::text, 'MEMBER')
