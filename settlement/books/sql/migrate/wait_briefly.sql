-- Lets this transaction wait for a lock shorter than the application waits for it, and then give up.
SET LOCAL lock_timeout = '1500ms'
