-- The end of the last link of all is asked for every minute, and a year has half a million links.
CREATE INDEX ledger_link_ends ON ledger_link (posted_until);
