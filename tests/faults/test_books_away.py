"""The books are away while cars come and go: no lane notices, and everything is billed afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from statistics import median
from typing import TYPE_CHECKING

import aiohttp
import pytest

from parking.decision import Reason, Verdict
from tests.faults.program import is_alive
from tests.faults.traffic import open_traffic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from gateways.demo.gates import GateAnswer
    from parking.plate import Plate
    from tests.faults.service import Service
    from tests.faults.traffic import Traffic

AWAY_S = 6.0
CARS = 40
PATIENCE_S = 30.0
LOOK_S = 0.1
UNNOTICED_S = 0.25
"""Half of the answers are far below this, however busy the machine is; the books are away far longer."""


@asynccontextmanager
async def frozen(service: Service) -> AsyncIterator[None]:
    """Every process of PostgreSQL stands still, its connections open."""
    pids = [service.pids()["postgres"], *service.backends()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
        assert all(is_alive(pid) for pid in pids)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def held_down(service: Service) -> AsyncIterator[None]:
    """PostgreSQL is killed, and again as often as it is started."""
    killed_before = len(service.killed)
    async with asyncio.TaskGroup() as tasks:
        killing = tasks.create_task(kill_for_ever(service))
        yield
        killing.cancel()
    assert len(service.killed) > killed_before


async def kill_for_ever(service: Service) -> None:
    while True:
        await service.kill("postgres")


@pytest.mark.parametrize("away", [frozen, held_down])
async def test_no_lane_notices_that_the_books_are_away(
    service: Service, away: Callable[[Service], AbstractAsyncContextManager[None]]
) -> None:
    async with open_traffic(service, cars=2 * CARS, garage=away.__name__) as traffic:
        before, during = traffic.cars[:CARS], traffic.cars[CARS:]
        await traffic.come(before)
        await traffic.settle()
        traffic.wait()
        repeated = traffic.requests.repeated
        async with away(service):
            answers = await go_and_come(traffic, before, during, seconds=AWAY_S)
            assert await readiness(service, 503) == "not answering"
        assert await readiness(service, 200) == "ok"
        assert traffic.requests.repeated == repeated
        assert [one.verdict for one in answers] == [Verdict.OPEN] * (2 * CARS)
        assert {one.reason for one in answers} == {Reason.GRANTED, Reason.ENTRY}
        assert median(one.seconds for one in answers) < UNNOTICED_S
        await traffic.settle()
        traffic.wait()
        left = await traffic.go(during)
        assert {one.reason for one in left} == {Reason.GRANTED}
        account = await traffic.close()
        account.assert_right()
        assert account.charges("paid") == account.summary["bills"] >= 2 * CARS


async def readiness(service: Service, status: int) -> str:
    """What settlement says of its books, as soon as ``/readyz`` has this status."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_S):
        while True:
            async with session.get(f"{service.metrics_url}/readyz") as response:
                if response.status == status:
                    said = await response.json()
                    return str(said["checks"]["books"])
            await asyncio.sleep(LOOK_S)


async def go_and_come(
    traffic: Traffic, leaving: Sequence[Plate], coming: Sequence[Plate], *, seconds: float
) -> list[GateAnswer]:
    """One car leaves and another comes, again and again, for so long."""
    answers: list[GateAnswer] = []
    pause_s = seconds / len(leaving)
    for out, into in zip(leaving, coming, strict=True):
        answers += await traffic.go([out])
        answers += await traffic.come([into])
        await asyncio.sleep(pause_s)
    return answers
