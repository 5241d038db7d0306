-- Lets the present user act as the application's role.
GRANT leave_first_app TO CURRENT_USER
