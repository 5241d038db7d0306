-- Lets the checks of this transaction take their time, and join whole tables by hashing: the planner does not know
-- yet how large those of a young installation are, nor how few its partitions.
SELECT
    set_config('statement_timeout', '600s', true),
    set_config('enable_nestloop', 'off', true),
    set_config('enable_mergejoin', 'off', true)
