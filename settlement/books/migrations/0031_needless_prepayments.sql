-- What was paid inside while nothing was due any more: given back, and no new time to leave.
ALTER TABLE prepayment ADD COLUMN needless boolean NOT NULL DEFAULT false;
