-- Gives up the application's role again.
RESET ROLE
