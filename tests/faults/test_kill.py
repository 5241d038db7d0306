"""Processes are killed in the middle of the work: nothing acknowledged is lost, nothing charged twice.

One day of few cars and many kills: while they come, while they leave, and while their fees are collected
through a rail that fails now and then. Each kill waits for its moment, counted in acknowledged events, so
that every one of them falls into the work.
"""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from parking.decision import Reason
from tests.faults.program import is_alive, until
from tests.faults.service import open_service
from tests.faults.traffic import open_traffic

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.service import Service
    from tests.faults.traffic import Traffic

VICTIMS = ("gates-0", "settlement", "valkey", "postgres", "backend", "rail")
CARS = 200
SEED = 1
PATIENCE_S = 30.0
LOOK_S = 0.05


async def test_any_process_may_be_killed_at_any_time(data_dir: Path) -> None:
    at_once = {"LEAVE_FIRST_COLLECT_DELAY_S": "0"}
    async with (
        open_service(data_dir, at_once, faults="default") as service,
        open_traffic(service, cars=CARS) as traffic,
    ):
        chance = Random(SEED)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(kill_in_turn(service, traffic, chance, events=CARS))
            await traffic.come(traffic.cars)
        await traffic.settle()
        traffic.wait()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(kill_in_turn(service, traffic, chance, events=CARS))
            await traffic.go(traffic.cars)
        account = await traffic.close()
        assert sorted(service.killed) == sorted(2 * VICTIMS)
        assert len(traffic.acknowledged) == 2 * CARS
        account.assert_right()
        assert account.captured == account.charges("paid") > CARS / 2


async def test_a_killed_supervisor_leaves_a_folder_that_goes_on(data_dir: Path) -> None:
    async with open_service(data_dir) as service, open_traffic(service, cars=40) as traffic:
        await traffic.come(traffic.cars[:20])
        before = service.pids()
        assert sorted(before) == ["gates-0", "postgres", "settlement", "valkey"]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(traffic.come(traffic.cars[20:]))
            await service.serve.kill()
            await service.start()
        assert not any(is_alive(pid) for pid in before.values())
        # An entry that came while the live store was away gets its grant a little later than the others.
        await until_nothing_is_spooled(service)
        await traffic.settle()
        traffic.wait()
        left = await traffic.go(traffic.cars)
        # One whose grant was still on its way would have to pay first; nearly all were there in time.
        granted = sum(one.reason is Reason.GRANTED for one in left)
        account = await traffic.close()
        account.assert_right()
        assert account.captured == account.charges("paid") == granted > len(left) / 2


async def until_nothing_is_spooled(service: Service) -> None:
    """What the first gate process wrote to its disk has reached the live store."""
    url = urlsplit(service.metrics_url)
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_S):
        while True:
            async with session.get(f"http://127.0.0.1:{(url.port or 0) + 1}/metrics") as response:
                if "leave_first_spooled_events 0.0" in (await response.text()).splitlines():
                    return
            await asyncio.sleep(LOOK_S)


async def kill_in_turn(service: Service, traffic: Traffic, chance: Random, *, events: int) -> None:
    """Kill every victim once, each at a moment of its own within the next ``events``."""
    began = len(traffic.acknowledged)
    moments = sorted(chance.sample(range(began, began + events - 10), k=len(VICTIMS)))
    for name, moment in zip(chance.sample(VICTIMS, k=len(VICTIMS)), moments, strict=True):
        await until(partial(has_answered, traffic, moment))
        await service.kill(name)
        if name == "rail":
            service.rail.start()


def has_answered(traffic: Traffic, events: int) -> bool:
    return len(traffic.acknowledged) >= events
