"""HTTP: the operator API, health, metrics and what all of our HTTP servers share."""
