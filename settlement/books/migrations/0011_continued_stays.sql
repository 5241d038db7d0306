-- Stays that continue earlier visits, and stays that a change of their price list splits.

ALTER TABLE session ADD COLUMN earlier text NOT NULL DEFAULT '';

ALTER TABLE bill ADD COLUMN earlier text NOT NULL DEFAULT '';
ALTER TABLE bill ADD COLUMN changes text NOT NULL DEFAULT '';

ALTER TYPE step_row ADD ATTRIBUTE earlier text;
ALTER TYPE step_row ADD ATTRIBUTE changes text;
