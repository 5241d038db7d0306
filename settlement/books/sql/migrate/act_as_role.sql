-- Takes on the application's role, as its connections do; being a member of it is not always enough.
SET ROLE leave_first_app
