"""A barrier that an attendant asks to be opened: once, by the gate that can, or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from gateways.gates.attendants import LOOK_EVERY_S
from gateways.gates.device_http import has_ended
from gateways.gates.protocol import Heartbeat
from gateways.web.serving import serve
from parking.barrier import BarrierAct, GateOutcome
from parking.ids import LaneId
from parking.live.barrier_log import waiting_records
from parking.live.openings import Opening, claim, open_and_wait
from tests.gateways.device_lane import IN, OUT, lane

if TYPE_CHECKING:
    from pathlib import Path

    from parking.device import Device
    from parking.ids import ControllerId, GarageId
    from tests.gateways.device_lane import Lane

PATIENCE_S = 20.0
HELD = Heartbeat(asks=True, hold_s=10 * PATIENCE_S)
REASON = "attendant desk: a fire engine"


def controlled(at: Lane, device: Device | None) -> Opening:
    """A request to open the lane of a device, which is the garage's controller by now."""
    one = replace(at.controller, device=device)
    at.catalog.current = replace(at.catalog.current, controllers={"c1": one})
    channel = next(iter((device or IN).channels.values()))
    return Opening(
        opening_id="attendant-1",
        garage_id=one.garage_id,
        lane_id=channel.lane_id,
        controller_id=one.controller_id,
        reason=REASON,
        until=at.stage.clock.moment + timedelta(seconds=5),
    )


async def recorded(at: Lane) -> tuple[str, str, str, str]:
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await waiting_records(at.stage.live, 10)):  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(0.02)
    (one,) = found.values()
    assert one is not None
    assert one.act is BarrierAct.OPEN
    assert one.event_id == "attendant-1"
    return one.lane_id, one.reason, one.outcome, one.said


async def test_a_device_that_takes_commands_is_told_at_once(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        opening = controlled(at, IN)
        told = await open_and_wait(at.stage.live, opening, claimed_within_s=PATIENCE_S)
        assert told == (GateOutcome.ACCEPTED, "channel 1 is locked")
        assert await recorded(at) == ("in-1", REASON, "accepted", "channel 1 is locked")


async def test_a_device_that_asks_is_told_in_the_answer(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at, asyncio.TaskGroup() as tasks:
        opening = controlled(at, OUT)
        asking = open_and_wait(at.stage.live, opening, claimed_within_s=PATIENCE_S)
        waiting = tasks.create_task(asking)
        async with asyncio.timeout(PATIENCE_S):
            ask = partial(at.intake.take, Heartbeat(asks=True), at.controller, OUT)
            while not (answered := await ask()).opens:  # noqa: ASYNC110 - what it waits for is elsewhere
                await asyncio.sleep(0.02)
        assert (answered.lane_id, answered.reason) == ("out-1", REASON)
        assert await waiting == (GateOutcome.TOLD, "")
        assert not (await at.intake.take(Heartbeat(asks=True), at.controller, OUT)).opens
        assert await recorded(at) == ("out-1", REASON, "told", "")


async def test_a_question_that_is_held_open_is_answered_at_once(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at, asyncio.TaskGroup() as tasks:
        opening = controlled(at, OUT)
        question = tasks.create_task(at.intake.take(HELD, at.controller, OUT))
        await asyncio.sleep(2 * LOOK_EVERY_S)  # so that it is asked before
        told = await open_and_wait(at.stage.live, opening, claimed_within_s=PATIENCE_S)
        assert told == (GateOutcome.TOLD, "")
        async with asyncio.timeout(PATIENCE_S):
            assert (await question).lane_id == "out-1"


async def test_a_question_whose_connection_has_ended_opens_nothing(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at, asyncio.TaskGroup() as tasks:
        opening, ended = controlled(at, OUT), asyncio.Event()
        gone = tasks.create_task(at.intake.take(HELD, at.controller, OUT, ended.is_set))
        await asyncio.sleep(2 * LOOK_EVERY_S)  # so that it is asked before
        ended.set()
        assert await open_and_wait(at.stage.live, opening, claimed_within_s=1) is None
        assert not (await gone).opens


async def test_of_two_questions_of_a_device_the_newest_is_answered(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at, asyncio.TaskGroup() as tasks:
        opening = controlled(at, OUT)
        short = replace(HELD, hold_s=6 * LOOK_EVERY_S)
        first = tasks.create_task(at.intake.take(short, at.controller, OUT))
        await asyncio.sleep(LOOK_EVERY_S)  # so that the other is the newest
        newest = tasks.create_task(at.intake.take(HELD, at.controller, OUT))
        await asyncio.sleep(LOOK_EVERY_S)  # so that it is asked before
        told = await open_and_wait(at.stage.live, opening, claimed_within_s=PATIENCE_S)
        assert told == (GateOutcome.TOLD, "")
        assert ((await newest).opens, (await first).opens) == (True, False)


async def test_a_lost_connection_is_no_question_any_more() -> None:
    gone: list[bool] = []
    asked = asyncio.Event()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        while not has_ended(request):  # noqa: ASYNC110 - of the network
            await asyncio.sleep(0.02)
        gone.append(True)
        return web.Response()

    async with serve(handler) as port, asyncio.timeout(PATIENCE_S):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asked.wait()
        writer.close()
        while not gone:  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(0.02)


async def test_a_device_of_several_lanes_is_told_of_each_when_it_asks(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at, asyncio.TaskGroup() as tasks:
        both = replace(OUT, channels={**OUT.channels, **IN.channels})
        out = controlled(at, both)
        for opening in (out, replace(out, opening_id="attendant-2", lane_id=LaneId("in-1"))):
            tasks.create_task(open_and_wait(at.stage.live, opening, claimed_within_s=PATIENCE_S))
        await asyncio.sleep(2 * LOOK_EVERY_S)  # so that both wait when it asks
        lanes: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while len(lanes) < 2:
                answered = await at.intake.take(Heartbeat(asks=True), at.controller, both)
                lanes += [answered.lane_id] if answered.lane_id is not None else []
                await asyncio.sleep(0.02)
        assert sorted(lanes) == ["in-1", "out-1"]


async def test_what_no_gate_can_open_is_not_opened_later(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        opening = controlled(at, OUT)
        assert await open_and_wait(at.stage.live, opening, claimed_within_s=0.6) is None
        assert not await claim(at.stage.live, opening.opening_id)
        assert not (await at.intake.take(Heartbeat(asks=True), at.controller, OUT)).opens


async def test_a_controller_of_ours_hears_it_on_its_connection(valkey_url: str, tmp_path: Path) -> None:
    told: list[str] = []

    def tell(key: tuple[GarageId, ControllerId], opening: Opening) -> bool:
        told.append(f"{key[1]} {opening.lane_id}")
        return True

    async with lane(valkey_url, tmp_path, tell=tell) as at:
        opening = controlled(at, None)
        answered = await open_and_wait(at.stage.live, opening, claimed_within_s=PATIENCE_S)
        assert answered == (GateOutcome.TOLD, "")
        assert told == ["of-G1 in-1"]
        assert await recorded(at) == ("in-1", REASON, "told", "")


@pytest.mark.parametrize("change", ["late", "another lane", "another controller"])
async def test_a_request_that_does_not_hold_is_left_alone(
    change: str, valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        opening = controlled(at, IN)
        changed = {
            "late": replace(opening, until=at.stage.clock.moment),
            "another lane": replace(opening, lane_id=type(opening.lane_id)("roof")),
            "another controller": replace(opening, controller_id=type(opening.controller_id)("x")),
        }[change]
        assert await open_and_wait(at.stage.live, changed, claimed_within_s=0.6) is None
