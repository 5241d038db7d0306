"""Connections for the application: few, bounded in time, and without the rights of the owner.

Every connection acts as the role ``leave_first_app``, which may add to the ledger and never change it.
Each wait has two limits: one that the server keeps, and one kept here for a server that has stopped
answering at all.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg

from settlement.books.failures import opening, reaching, translated
from settlement.books.statements import sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["APP_ROLE", "Pool", "connection", "open_pool", "until_answered"]

Pool: TypeAlias = asyncpg.Pool
"""What the floors above may hold and pass on, but not use."""
APP_ROLE: Final = "leave_first_app"
ACQUIRE_TIMEOUT_S: Final = 5.0
CONNECT_TIMEOUT_S: Final = 5.0
CLOSE_TIMEOUT_S: Final = 5.0
COMMAND_TIMEOUT_S: Final = 30.0
"""Above the server's own limit, so that it is met only when the server is frozen or out of reach."""
SERVER_LIMITS: Final = {
    "statement_timeout": "20s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    # Compiling a statement costs more than any statement here can win by it.
    "jit": "off",
}


@asynccontextmanager
async def open_pool(dsn: str, *, size: int, application_name: str) -> AsyncIterator[Pool]:
    """A pool of at most ``size`` connections, closed on leaving.

    Raises ``Unavailable`` at once, and ``NotPermitted`` when the server will not have this user.
    """
    settings = {"application_name": application_name, "role": APP_ROLE, "timezone": "UTC", **SERVER_LIMITS}
    with opening():
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings=settings,
            reset=_as_it_is,
        )
    try:
        yield pool
    finally:
        await _close(pool)


async def _as_it_is(_connection: asyncpg.Connection) -> None:
    """Nothing here lasts longer than its transaction, so a connection goes back without a round trip."""


async def _close(pool: Pool) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await pool.close()
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        pool.terminate()


@asynccontextmanager
async def connection(pool: Pool) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
    """One connection of the pool; errors of the driver leave translated."""
    with reaching():
        held = await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
    try:
        with translated():
            yield held
    finally:
        with translated():
            await pool.release(held)


async def until_answered(pool: Pool) -> None:
    """Return when the books have answered something; raises ``Unavailable`` or ``OutcomeUnknown``."""
    async with connection(pool) as held:
        await held.execute(sql("pool/ping"))
