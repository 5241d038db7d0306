-- Lets the checks of this transaction take their time.
SET LOCAL statement_timeout = '600s'
