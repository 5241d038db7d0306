"""Reads the SQL statements, one a file, that lie beside this module.

A statement's header says what it does and, in lines like ``-- $1 now timestamptz``, what each parameter
is; a test prepares every file against the schema and compares.

All are read at the first call. When the files are upgraded beneath a running process, it goes on by the
statements that it was written for, and books nothing by half of another version.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["sql"]

SUFFIX = ".sql"


def sql(name: str) -> str:
    """The statement in ``sql/<name>.sql``, for example ``sql("posting/post")``."""
    return _all()[name]


@cache
def _all() -> Mapping[str, str]:
    folders = [one for one in files("settlement.books").joinpath("sql").iterdir() if one.is_dir()]
    return {
        f"{folder.name}/{file.name.removesuffix(SUFFIX)}": file.read_text(encoding="utf-8")
        for folder in folders
        for file in folder.iterdir()
        if file.name.endswith(SUFFIX)
    }
