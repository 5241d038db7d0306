"""Reads the SQL statements, one a file, that lie beside this module.

A statement's header says what it does and, in lines like ``-- $1 now timestamptz``, what each parameter
is; a test prepares every file against the schema and compares.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["sql"]


@cache
def sql(name: str) -> str:
    """The statement in ``sql/<name>.sql``, for example ``sql("posting/post")``."""
    return files("settlement.books").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
