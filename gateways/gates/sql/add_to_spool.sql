-- Keeps one answered event.
-- ?1 event text, ?2 decision text
INSERT INTO spool (event, decision) VALUES (?1, ?2) RETURNING place
