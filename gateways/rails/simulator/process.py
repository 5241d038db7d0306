"""The simulator's process: everything put together, announced when it listens, drained when told to stop.

On the way down no more connections are taken, requests under way end, waiting notices get a moment,
and the books are closed last.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from gateways.group_commit import GroupCommit
from gateways.rails.simulator.books import Books, open_books
from gateways.rails.simulator.notifier import Notifier
from gateways.rails.simulator.server import RailServer
from gateways.rails.simulator.teller import Teller
from parking.clock import FileClock, SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateways.rails.simulator.settings import SimulatorSettings

__all__ = ["serve_simulator"]

BOOKS_FILE = "rail.sqlite3"
CONNECTIONS_MAX = 32
REQUESTS_DRAIN_S = 5.0
NOTICES_DRAIN_S = 5.0
BACKLOG = 1_024


async def serve_simulator(
    settings: SimulatorSettings, *, announce: Callable[[str], None], stop: asyncio.Event
) -> None:
    """Serve until ``stop`` is set; ``announce`` gets the address, as clients take it, once it listens.

    Raises :class:`Unavailable` when another process holds the books.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    clock = FileClock(settings.test_clock) if settings.test_clock else SystemClock()
    async with (
        GroupCommit(partial(open_books, settings.data_dir / BOOKS_FILE)) as writer,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX), cookie_jar=aiohttp.DummyCookieJar()
        ) as session,
        asyncio.TaskGroup() as tasks,
    ):
        books = Books(writer)
        notifier = Notifier(session, settings.notice_url, settings.secrets[0], clock)
        teller = Teller(
            books, notifier, settings.profile, seed=settings.seed, clock=clock, wall=SystemClock()
        )
        workers = [tasks.create_task(teller.settle()), tasks.create_task(notifier.run())]
        server = RailServer(
            teller, books, notifier, secrets=settings.secrets, requests_max=settings.requests_max
        )
        async with _listening(server, settings.listen, teller.closing) as address:
            announce(address)
            await stop.wait()
        await notifier.drain(NOTICES_DRAIN_S)
        for worker in workers:
            worker.cancel()


@asynccontextmanager
async def _listening(server: RailServer, listen: str, closing: asyncio.Event) -> AsyncIterator[str]:
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=REQUESTS_DRAIN_S)
    await runner.setup()
    try:
        host, colon, port = listen.rpartition(":")
        if colon and port.isdigit():
            await web.TCPSite(runner, host, int(port), backlog=BACKLOG).start()
            yield f"http://{host}:{runner.addresses[0][1]}"
        else:
            await asyncio.to_thread(Path(listen).unlink, missing_ok=True)
            await web.UnixSite(runner, listen, backlog=BACKLOG).start()
            yield f"unix:{listen}"
    finally:
        closing.set()
        await runner.cleanup()
