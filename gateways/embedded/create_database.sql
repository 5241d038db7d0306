-- Makes the database of the books in a new cluster, which has no server yet.
CREATE DATABASE leave_first;

