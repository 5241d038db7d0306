"""The commands of ``leave-first``, one module a topic."""
