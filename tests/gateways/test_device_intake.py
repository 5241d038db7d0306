"""What all makers' protocols share: identity, history, repeats, clocks, pictures; on a real live store."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry
from typing_extensions import override

from gateways.gates.barrier_log import BarrierLog
from gateways.gates.catalog_keeper import CatalogKeeper
from gateways.gates.commands import BarrierCommands, Commander, CommandResult
from gateways.gates.device_clocks import DeviceClocks
from gateways.gates.device_intake import DeviceIntake
from gateways.gates.gatehouse import Gatehouse, Patience
from gateways.gates.held_cars import HeldCars
from gateways.gates.openings import Openings
from gateways.gates.passages import Passages
from gateways.gates.pictures import Pictures, picture_path
from gateways.gates.protocol import Heartbeat, Passage, PassageKind, Read
from gateways.gates.signals import signals_of
from gateways.gates.spool import open_spool
from gateways.metrics import GateMetrics
from parking.barrier import BarrierAct, GateOutcome
from parking.decision import Reason
from parking.device import Channel, Device
from parking.errors import NotPermitted
from parking.ids import LaneId
from parking.journal import Result
from parking.live.barrier_log import waiting_records
from parking.plate import Colour
from tests.gateways.gate_stage import PARTITIONS, catalog_of, publish_catalog
from tests.scenarios.stage import MIDNIGHT, stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from parking.barrier import BarrierRecord
    from parking.catalog import Controller
    from tests.scenarios.stage import Stage

MINUTE = timedelta(minutes=1)
JPEG = b"\xff\xd8\xff\xe0 a car"
IN = Device(protocol="called", channels={"1": Channel(lane_id=LaneId("in-1"))})
OUT = Device(protocol="told", channels={"2": Channel(lane_id=LaneId("out-1"))})


class Locked(BarrierCommands):
    """A gate that takes every command and does not move."""

    @override
    async def open(self, device: Device, channel: str, password: str) -> CommandResult:
        return CommandResult(outcome=GateOutcome.ACCEPTED, said=f"channel {channel} is locked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """An intake on a stage, and the two devices of a garage."""

    stage: Stage
    intake: DeviceIntake
    controller: Controller
    pictures: Path
    loops: list[asyncio.Task[None]] = field(default_factory=list)

    async def read(self, device: Device = IN, **changed: object) -> tuple[bool, str]:
        """Whether a read opens, and why."""
        now = self.stage.clock.moment
        (channel,) = device.channels
        fields: dict[str, Any] = dict(changed)
        read = Read(captured_at=now, number="浙A12345", colour=Colour.BLUE, confidence=0.97, channel=channel)
        answered = await self.intake.take(replace(read, **fields), self.controller, device)
        return answered.opens, answered.reason

    async def results(self) -> list[Result]:
        """What became of each event of the garage."""
        return [one.result for one in await self.stage.journal()]


@asynccontextmanager
async def lane(valkey_url: str, folder: Path) -> AsyncIterator[Lane]:
    async with (
        stage(valkey_url) as on,
        open_spool(folder / "spool", events_max=10) as spool,
        asyncio.TaskGroup() as tasks,
    ):
        metrics = GateMetrics(CollectorRegistry())
        await publish_catalog(valkey_url, catalog_of())
        catalog = CatalogKeeper(on.live, folder / "catalog.json", partition_count=PARTITIONS)
        await catalog.refresh()
        patience = Patience(store=timedelta(seconds=20), spool=timedelta(seconds=20))
        gatehouse = Gatehouse(on.desk, catalog, spool, on.clock, patience=patience, metrics=metrics)
        barrier_log = BarrierLog(on.live, metrics)
        commander = Commander({"called": Locked()}, barrier_log, lambda sealed: sealed)
        pictures = Pictures(folder / "pictures", on.clock, metrics, kept=timedelta(days=1))
        intake = DeviceIntake(
            gatehouse,
            DeviceClocks(),
            Passages(),
            on.clock,
            late_after=2 * MINUTE,
            make_signals=signals_of,
            openings=Openings(commander, barrier_log, on.clock),
            pictures=pictures,
            held=HeldCars(on.sessions, lambda: catalog.current.garages, on.clock, waits=10 * MINUTE),
            metrics=metrics,
        )
        loops = [tasks.create_task(one) for one in (barrier_log.run(), commander.run(), pictures.run())]
        yield Lane(
            stage=on,
            intake=intake,
            controller=catalog.current.controllers["c1"],
            pictures=folder / "pictures",
        )
        for loop in loops:
            loop.cancel()


async def test_one_record_has_one_effect_however_it_comes(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        mark: dict[str, Any] = {"identity": "7", "serial": "s1", "history": False}
        assert await at.read(**mark) == (True, Reason.ENTRY)
        # Again, to a backup server, with other small things; and from the device's memory.
        assert await at.read(**mark, confidence=0.5) == (True, Reason.ENTRY)
        assert await at.read(**mark | {"history": True}) == (False, Reason.ENTRY)
        assert await at.results() == [Result.APPLIED]


async def test_history_opens_nothing_even_when_it_was_answered_live_before(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        assert await at.read(identity="7") == (True, Reason.ENTRY)
        at.stage.clock.moment += 10 * MINUTE
        # The device says nothing of history and sends for ever; nobody stands there any more.
        assert await at.read(identity="7", captured_at=MIDNIGHT) == (False, Reason.ENTRY)


async def test_a_car_let_through_and_read_again_is_one_passage(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        assert await at.read() == (True, Reason.ENTRY)
        at.stage.clock.moment += 5 * MINUTE
        assert await at.read(OUT) == (True, Reason.FREE)
        at.stage.clock.moment += MINUTE / 6
        assert await at.read(OUT) == (True, Reason.FREE)
        paired = replace(OUT, paired=True)
        assert await at.read(paired, number="浙A1234S") == (True, Reason.FREE)
        assert await at.read(OUT, number="浙A1234S") == (False, Reason.NO_ENTRY)
        at.stage.clock.moment += 2 * MINUTE
        assert await at.read(OUT) == (False, Reason.NO_ENTRY)


async def test_a_car_that_came_back_meanwhile_is_a_new_visit(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        for device, reason in (
            (IN, Reason.ENTRY),
            (OUT, Reason.FREE),
            (IN, Reason.ENTRY),
            (OUT, Reason.FREE),
        ):
            at.stage.clock.moment += MINUTE / 4
            assert await at.read(device) == (True, reason)
        assert await at.results() == [Result.APPLIED] * 4


async def test_a_clock_is_put_right_within_its_bound_and_not_trusted_beyond(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        now = at.stage.clock.moment
        ahead = now + 5 * MINUTE
        await at.intake.take(Heartbeat(device_time=ahead), at.controller, IN)
        assert await at.read(captured_at=ahead) == (True, Reason.ENTRY)
        (entry,) = await at.stage.journal()
        assert entry.event.captured_at == now
        strict = replace(OUT, skew_max_s=60)
        assert await at.read(strict, captured_at=ahead) == (True, Reason.CLOCK)
        assert await at.read(strict, captured_at=ahead, history=True, identity="9") == (False, Reason.CLOCK)
        assert (await at.results())[1:] == [Result.QUARANTINED, Result.QUARANTINED]


async def test_a_device_that_asks_is_told_to_open_once_the_held_car_has_paid(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        asks = Heartbeat(asks=True)
        await at.read()
        at.stage.clock.moment += 90 * MINUTE
        assert await at.read(OUT) == (False, Reason.NO_GRANT)
        assert not (await at.intake.take(asks, at.controller, OUT)).opens
        now = at.stage.clock.moment
        inside = await at.stage.sessions.find(at.controller.garage_id, "浙A12345")
        assert inside.session is not None
        await at.stage.sessions.prepay(inside.session, total_fen=1200, paid_at=now, until=now + 15 * MINUTE)
        answered = await at.intake.take(asks, at.controller, OUT)
        assert (answered.opens, answered.reason) == (True, Reason.PREPAID)
        assert not (await at.intake.take(asks, at.controller, OUT)).opens
        # What the camera still sees of the car as it drives off is no second exit.
        assert await at.read(OUT) == (True, Reason.PREPAID)
        assert await at.results() == [Result.APPLIED] * 3


async def test_a_delayed_message_is_not_taken_for_a_slow_clock(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        now = at.stage.clock.moment
        for delay in (0, 40, 3):
            told = Heartbeat(device_time=now - timedelta(seconds=delay))
            await at.intake.take(told, at.controller, IN)
        assert await at.read() == (True, Reason.ENTRY)
        assert (await at.stage.journal())[0].event.captured_at == now


async def test_what_a_called_gate_says_is_recorded_apart_from_that_it_was_told(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        await at.read(IN)
        await at.read(OUT)
        seen = Passage(kind=PassageKind.TAILGATED, channel="2")
        await at.intake.take(seen, at.controller, OUT)
        records: list[BarrierRecord | None] = []
        async with asyncio.timeout(20):
            while len(records) < 3:
                records = list((await waiting_records(at.stage.live, 10)).values())
                await asyncio.sleep(0.01)
        told = {(one.act, one.outcome, one.said, one.reason) for one in records if one is not None}
        assert told == {
            (BarrierAct.OPEN, GateOutcome.ACCEPTED, "channel 1 is locked", "entry"),
            (BarrierAct.OPEN, GateOutcome.TOLD, "", "free"),
            (BarrierAct.TAILGATED, GateOutcome.MOVED, "", ""),
        }


async def test_a_picture_is_kept_beside_its_event_and_what_is_none_is_refused_alone(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        assert await at.read(pictures=(b"no picture", JPEG, JPEG)) == (True, Reason.ENTRY)
        assert await at.read(OUT, pictures=(b"", b"\xff\xd8\xff" + bytes(3_000_000))) == (True, Reason.FREE)
        entry, leaving = await at.stage.journal()
        path = picture_path(at.pictures, entry.event.image_reference)
        async with asyncio.timeout(20):
            while not path.exists():  # noqa: ASYNC110 - what is waited for is on the disk
                await asyncio.sleep(0.01)
        assert path.read_bytes() == JPEG
        assert leaving.event.image_reference == ""


async def test_another_device_and_a_channel_without_a_lane_are_refused(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        with pytest.raises(NotPermitted):
            await at.read(replace(IN, serial="s1"), serial="s2")
        with pytest.raises(NotPermitted):
            await at.read(IN, channel="9")
        with pytest.raises(NotPermitted):
            await at.read(replace(IN, channels={"1": Channel(lane_id=LaneId("roof"))}))
        assert await at.results() == []
