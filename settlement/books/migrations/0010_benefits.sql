-- What a stay was given: passes, coupons, an exemption. A bill keeps what it was priced with.

ALTER TABLE bill ADD COLUMN benefits text NOT NULL DEFAULT '';

ALTER TYPE step_row ADD ATTRIBUTE benefits text;
