"""Prepares the monthly partitions of the tables that grow, before the months begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settlement.books.failures import translated
from settlement.books.statements import sql

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

__all__ = ["GROWING", "ensure_months"]

GROWING: Final = ("gate_event", "session", "bill", "ledger_entry")
OCCUPIED: Final = "occupied"


async def ensure_months(
    connection: asyncpg.Connection, now: datetime, *, months_back: int = 1, months_ahead: int = 3
) -> list[str]:
    """Make what is missing of the months around ``now``; needs the owner's connection.

    Returns, as ``table YYYY-MM``, the months that could not be split off because the default partition
    already holds rows of them. Those rows are safe and stay where they are.
    """
    wanted = [
        (table, _month(now, offset)) for offset in range(-months_back, months_ahead + 1) for table in GROWING
    ]
    with translated():
        made = [await connection.fetchval(sql("migrate/ensure_month"), *one) for one in wanted]
    return [
        f"{table} {month:%Y-%m}"
        for (table, month), answer in zip(wanted, made, strict=True)
        if answer == OCCUPIED
    ]


def _month(now: datetime, offset: int) -> datetime:
    """The first moment, in UTC, of the month ``offset`` months after that of ``now``."""
    years, month = divmod(now.year * 12 + now.month - 1 + offset, 12)
    return now.replace(year=years, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
