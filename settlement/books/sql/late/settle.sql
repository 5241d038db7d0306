-- Settles those of some items that are open.
-- $1 partition smallint
-- $2 item_ids text[]
-- $3 notes text[]
-- $4 resolution text
-- $5 resolved_by text
-- $6 now timestamptz
UPDATE quarantine
SET state = 'resolved', resolution = $4, resolved_by = $5, resolved_at = $6, note = explained.note
FROM unnest($2::text[], $3::text[]) AS explained (item_id, note)
WHERE quarantine.partition = $1 AND quarantine.item_id = explained.item_id AND quarantine.state = 'open'
