-- What a person has found a vehicle to be, where that is not what its plate says.

ALTER TABLE bill ADD COLUMN vehicle_class text;
ALTER TABLE bill ADD CONSTRAINT bill_class_is_corrected CHECK (vehicle_class IS NULL OR correction > 0);
ALTER TABLE correction ADD COLUMN vehicle_class text;
