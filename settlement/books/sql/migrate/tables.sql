-- The names of all ordinary tables of the schema that new tables would go to.
SELECT relname::text AS name
FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
ORDER BY relname
