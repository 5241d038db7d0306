-- Lets the checks of this transaction take their time, and join whole tables as such: the planner does not know
-- yet how large those of a young installation are.
SELECT
    set_config('statement_timeout', '600s', true),
    set_config('enable_nestloop', 'off', true)
