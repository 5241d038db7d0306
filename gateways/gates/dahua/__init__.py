"""Dahua cameras by ITSAPI: JSON pushed over HTTP, barriers opened by a command."""
