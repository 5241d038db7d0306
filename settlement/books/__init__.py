"""The books: the durable store, and the only package that speaks to PostgreSQL."""
