-- Whether anybody answers.
SELECT 1
