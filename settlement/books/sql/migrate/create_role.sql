-- The role that the application's connections act as; it belongs to the whole cluster.
CREATE ROLE leave_first_app LOGIN
