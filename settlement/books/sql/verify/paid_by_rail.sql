-- How many charges each rail has paid, here.
SELECT rail, count(*) AS charges FROM charge WHERE state = 'paid' GROUP BY rail ORDER BY rail
