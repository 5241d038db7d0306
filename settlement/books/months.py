"""Prepares the monthly partitions of the tables that grow before the months begin, and drops old archive.

A row of a month that is not prepared goes to the default partition, so nothing depends on this being in
time; rows that lie there already move to their month when it is made. Making one needs a table for itself
for a moment. Whoever waits for that holds up all who come after, so it is tried briefly and given up while
somebody reads for long.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg

from parking.errors import NotPermitted
from settlement.books.failures import translated
from settlement.books.statements import sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

__all__ = ["GROWING", "drop_archive", "ensure_months"]

GROWING: Final = ("gate_event", "session", "bill", "ledger_entry", "grant_decision")


async def ensure_months(
    connection: asyncpg.Connection, now: datetime, *, months_back: int = 1, months_ahead: int = 3
) -> list[str]:
    """Make what is missing of the months around ``now``; :class:`NotPermitted` for anyone but the owner.

    Returns, as ``table YYYY-MM``, the first month of each table that could not be made now, because the
    table was in use: try again later.
    """
    months = [_month(now, offset) for offset in range(-months_back, months_ahead + 1)]
    busy: list[str] = []
    for table in GROWING:
        for month in months:
            if not await _ensure_month(connection, table, month):
                busy.append(f"{table} {month:%Y-%m}")
                break
    return busy


async def drop_archive(
    connection: asyncpg.Connection, now: datetime, *, months_kept: int
) -> list[str] | None:
    """Drop the gate events of all months but this one and the ``months_kept`` before it.

    Returns the partitions that are gone, ``None`` when the archive was in use: try again later. Raises
    :class:`NotPermitted` for anyone but the owner.
    """
    async with _briefly(connection):
        return list(await connection.fetchval(sql("migrate/drop_archive"), _month(now, -months_kept)))
    return None


async def _ensure_month(connection: asyncpg.Connection, table: str, month: datetime) -> bool:
    async with _briefly(connection):
        await connection.fetchval(sql("migrate/ensure_month"), table, month)
        return True
    return False


@asynccontextmanager
async def _briefly(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction that is given up, and its block left at once, where it would have to wait for others."""
    with translated():
        try:
            async with connection.transaction():
                await connection.execute(sql("migrate/wait_briefly"))
                yield
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            return
        except asyncpg.InsufficientPrivilegeError:
            raise NotPermitted("only the owner of the books may make and drop partitions") from None


def _month(now: datetime, offset: int) -> datetime:
    """The first moment, in UTC, of the month ``offset`` months after that of ``now``."""
    years, month = divmod(now.year * 12 + now.month - 1 + offset, 12)
    return now.replace(year=years, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
