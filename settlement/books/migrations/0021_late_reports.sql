-- Finds what a garage has reported late, a few of many events, without reading the rest.

CREATE INDEX gate_event_late ON gate_event (archived_at)
    WHERE reason IN ('late', 'offline_grant', 'grant_refused', 'outage_policy');
