-- When the next accepted attempt gets its outcome, on the machine's own clock.
SELECT min(settled_after_ms) FROM attempts WHERE state = 'accepted'
