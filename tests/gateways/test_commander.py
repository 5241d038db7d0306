"""Commands to open: once for a read, however often and to whichever process it is sent."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from typing_extensions import override

from gateways.gates.barrier_log import BarrierLog
from gateways.gates.commands import BarrierCommands, Commander, CommandResult
from gateways.metrics import GateMetrics
from parking.barrier import BarrierAct, BarrierRecord, GateOutcome
from parking.ids import ControllerId, GarageId, LaneId
from tests.gateways.device_lane import IN
from tests.scenarios.stage import MIDNIGHT, live_connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from parking.device import Device

PATIENCE_S = 20.0
RECORD = BarrierRecord(
    garage_id=GarageId("G1"),
    lane_id=LaneId("in-1"),
    controller_id=ControllerId("c1"),
    at=MIDNIGHT,
    act=BarrierAct.OPEN,
    outcome=GateOutcome.TOLD,
    event_id="e1",
    reason="entry",
    command="by a command",
)


@dataclass(slots=True)
class Barrier(BarrierCommands):
    """Counts its commands, and does with each what ``does`` says, at last always the same."""

    does: list[GateOutcome]
    opened: int = 0

    @override
    async def open(self, device: Device, channel: str, password: str) -> CommandResult:
        self.opened += 1
        return CommandResult(outcome=self.does.pop(0) if len(self.does) > 1 else self.does[0])


@asynccontextmanager
async def commander(barrier: Barrier, valkey_url: str) -> AsyncIterator[Commander]:
    """That of one gate process."""
    async with live_connection(valkey_url) as live, asyncio.TaskGroup() as tasks:
        log = BarrierLog(live, GateMetrics(CollectorRegistry()))
        one = Commander({"called": barrier}, log, lambda sealed: sealed, live)
        running = tasks.create_task(one.run())
        yield one
        running.cancel()


async def opened_by(barrier: Barrier, count: int) -> int:
    """How often it was commanded, once that is so many; a moment later, to see no more."""
    async with asyncio.timeout(PATIENCE_S):
        while barrier.opened < count:  # noqa: ASYNC110 - of other tasks
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    return barrier.opened


async def test_copies_of_a_read_open_once_in_all_processes(valkey_url: str) -> None:
    barrier = Barrier(does=[GateOutcome.MOVED])
    async with commander(barrier, valkey_url) as first, commander(barrier, valkey_url) as second:
        for one in (first, second) * 3:
            one.open_soon(IN, "1", RECORD, once="G1/e1")
        assert await opened_by(barrier, 1) == 1
        first.open_soon(IN, "1", RECORD, once="G1/e1")
        second.open_soon(IN, "1", RECORD, once="G1/e2")
        assert await opened_by(barrier, 2) == 2


@pytest.mark.parametrize("failed", [GateOutcome.REJECTED, GateOutcome.UNREACHABLE])
async def test_a_copy_tries_again_what_failed(failed: GateOutcome, valkey_url: str) -> None:
    barrier = Barrier(does=[failed, GateOutcome.ACCEPTED])
    async with commander(barrier, valkey_url) as one:
        for wanted in (1, 2):
            one.open_soon(IN, "1", RECORD, once="G1/e1")
            assert await opened_by(barrier, wanted) == wanted
        one.open_soon(IN, "1", RECORD, once="G1/e1")
        assert await opened_by(barrier, 2) == 2


async def test_what_is_no_read_opens_each_time_and_so_does_all_without_the_live_store(
    valkey_url: str,
) -> None:
    barrier = Barrier(does=[GateOutcome.MOVED])
    async with commander(barrier, valkey_url) as one:
        for _ in range(2):
            one.open_soon(IN, "1", RECORD)
        assert await opened_by(barrier, 2) == 2
    async with commander(barrier, "redis://127.0.0.1:1") as one:
        for _ in range(2):
            one.open_soon(IN, "1", RECORD, once="G1/e1")
        assert await opened_by(barrier, 4) == 4
