-- How many closings wait to be charged until it is known what their stays are given.
SELECT count(*) AS closings FROM unknown_benefits
