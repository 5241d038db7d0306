"""The SQL statements of the simulator's books, one file each, read once."""

from __future__ import annotations

from functools import cache
from importlib import resources

__all__ = ["sql_text"]


@cache
def sql_text(name: str) -> str:
    """The text of ``sql/<name>.sql``."""
    return resources.files("gateways.rails.simulator").joinpath("sql", f"{name}.sql").read_text("utf-8")
