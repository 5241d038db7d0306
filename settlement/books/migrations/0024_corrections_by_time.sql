-- What was corrected lately, for whoever checks the books.
CREATE INDEX correction_by_time ON correction (corrected_at);
