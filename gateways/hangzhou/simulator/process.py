"""The simulator's process: everything put together, announced when it listens, drained when told to stop."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web

from gateways.group_commit import GroupCommit
from gateways.hangzhou.simulator.books import CityBooks, open_city_books
from gateways.hangzhou.simulator.city import City, Driver
from gateways.hangzhou.simulator.keys import key_pair
from gateways.hangzhou.simulator.publisher import Publisher
from gateways.hangzhou.simulator.server import CityServer
from gateways.rails.simulator.books import Books
from gateways.rails.simulator.faults import DEFAULT, Profile
from gateways.rails.simulator.server import RailServer
from gateways.rails.simulator.teller import Teller
from parking.clock import FileClock, SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from gateways.hangzhou.simulator.publisher import Broker
    from parking.clock import Clock

__all__ = ["CitySettings", "serve_city"]

BOOKS_FILE: Final = "city.sqlite3"
REQUESTS_DRAIN_S: Final = 5.0
REQUESTS_MAX: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CitySettings:
    """One city, and the one garage operator that is connected to it."""

    host: str
    port: int
    data_dir: Path
    secrets: tuple[str, ...]
    access_id: str
    drivers: Mapping[str, Driver] = field(default_factory=dict)
    seed: int = 1
    profile: Profile = DEFAULT
    topic_prefix: str = "hzcity/v2"
    test_clock: Path | None = None


async def serve_city(
    settings: CitySettings,
    broker: AbstractAsyncContextManager[Broker],
    *,
    announce: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    """Serve until ``stop`` is set; ``announce`` gets the address once it listens.

    Raises :class:`Unavailable` when another process holds the books.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    clock = FileClock(settings.test_clock) if settings.test_clock else SystemClock()
    key, garage = key_pair(settings.data_dir, "platform"), key_pair(settings.data_dir, "garage")
    async with (
        GroupCommit(partial(open_city_books, settings.data_dir / BOOKS_FILE)) as writer,
        broker as reached,
        asyncio.TaskGroup() as tasks,
    ):
        publisher = Publisher(key, clock, access_id=settings.access_id, topic_prefix=settings.topic_prefix)
        city = _city(settings, writer, publisher, clock)
        rail = RailServer(
            city.teller, city.bills, publisher, secrets=settings.secrets, requests_max=REQUESTS_MAX
        )
        server = CityServer(
            city,
            rail,
            garages={settings.access_id: garage.public_key()},
            key=key,
            profile=settings.profile,
            seed=settings.seed,
        )
        workers = [tasks.create_task(city.teller.settle()), tasks.create_task(publisher.run(reached))]
        async with _listening(server, settings, city.teller.closing) as address:
            announce(address)
            await stop.wait()
        for worker in workers:
            worker.cancel()


def _city(settings: CitySettings, writer: GroupCommit, publisher: Publisher, clock: Clock) -> City:
    bills = Books(writer)
    teller = Teller(bills, publisher, settings.profile, seed=settings.seed, clock=clock, wall=SystemClock())
    return City(
        books=CityBooks(writer),
        bills=bills,
        teller=teller,
        publisher=publisher,
        drivers=settings.drivers,
        clock=clock,
    )


@asynccontextmanager
async def _listening(
    server: CityServer, settings: CitySettings, closing: asyncio.Event
) -> AsyncIterator[str]:
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=REQUESTS_DRAIN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        yield f"http://{settings.host}:{runner.addresses[0][1]}"
    finally:
        closing.set()
        await runner.cleanup()
