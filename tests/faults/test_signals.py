"""Asked to end, the service finishes what it has begun and leaves everything for its next start."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from typing_extensions import override

from gateways.demo.requests import Reply, Requests
from parking.errors import Unavailable
from parking.event import Kind
from tests.faults.program import until
from tests.faults.service import open_service
from tests.faults.traffic import open_traffic
from tests.stores import processes_about

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from gateways.demo.controllers import Controllers
    from parking.event import GateEvent
    from parking.plate import Plate
    from tests.faults.service import Service
    from tests.faults.traffic import Traffic

CARS = 300
SENDERS = 8
ANSWERED_BEFORE = 60
OK = 200
PAUSE_S = 0.05
"""So that some cars are still to come when nobody listens any more."""


async def test_a_signal_under_load_drains_and_the_next_start_has_everything(data_dir: Path) -> None:
    async with open_service(data_dir) as service, open_traffic(service, cars=2 * CARS) as traffic:
        await until_it_ends(service, traffic, traffic.cars[:CARS], sigterm)
        await until_it_ends(service, traffic, traffic.cars[CARS:], ctrl_c)
        account = await traffic.close()
        account.assert_right()
        assert len(traffic.acknowledged) == account.summary["sessions_inside"] == 2 * CARS


def sigterm(service: Service) -> None:
    os.kill(service.serve.pid, signal.SIGTERM)


def ctrl_c(service: Service) -> None:
    """As a terminal does it: to the whole group in the foreground."""
    os.killpg(service.serve.pid, signal.SIGINT)


async def until_it_ends(
    service: Service, traffic: Traffic, cars: Sequence[Plate], ask: Callable[[Service], None]
) -> None:
    """Let cars come while the service is asked to end, start it again, and let the others come."""
    waiting = iter([traffic.event(Kind.ENTRY, car) for car in cars])
    unanswered: list[GateEvent] = []
    async with open_single_tries() as tries, asyncio.TaskGroup() as tasks:
        controllers = traffic.controllers_with(tries)
        for _ in range(SENDERS):
            tasks.create_task(send(controllers, traffic, waiting, unanswered))
        await until(lambda: len(tries.statuses) > ANSWERED_BEFORE)
        ask(service)
        assert await service.serve.ended() == 0
    assert not processes_about(service.folder)
    assert set(tries.statuses) == {OK}
    assert len(unanswered) == SENDERS
    await service.start()
    for event in [*unanswered, *waiting]:
        await traffic.report(event)


async def send(
    controllers: Controllers, traffic: Traffic, waiting: Iterator[GateEvent], unanswered: list[GateEvent]
) -> None:
    """Send one after the other until nobody listens any more."""
    for event in waiting:
        try:
            traffic.acknowledged[event.event_id] = await controllers.report(event)
        except Unavailable:
            unanswered.append(event)
            return
        await asyncio.sleep(PAUSE_S)


class SingleTries(Requests):
    """Remembers every status, and tries nothing again."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__(session)
        self.statuses: list[int] = []

    @override
    async def send(
        self, method: str, url: str, *, token: str = "", body: bytes | None = None, content_type: str = ""
    ) -> Reply:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
        try:
            async with self._session.request(method, url, data=body, headers=headers) as response:
                self.statuses.append(response.status)
                return Reply(status=response.status, body=await response.read(), seconds=0)
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(str(error)) from error


@asynccontextmanager
async def open_single_tries() -> AsyncIterator[SingleTries]:
    async with aiohttp.ClientSession() as session:
        yield SingleTries(session)
