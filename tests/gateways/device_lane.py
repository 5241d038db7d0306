"""An intake of devices on a real live store, and two devices of a garage."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from typing_extensions import override

from gateways.gates.attendants import Attendants
from gateways.gates.barrier_log import BarrierLog
from gateways.gates.catalog_keeper import CatalogKeeper
from gateways.gates.commands import BarrierCommands, Commander, CommandResult
from gateways.gates.device_clocks import DeviceClocks
from gateways.gates.device_intake import DeviceIntake
from gateways.gates.gatehouse import Gatehouse, Patience
from gateways.gates.held_cars import HeldCars
from gateways.gates.openings import Openings
from gateways.gates.passages import Passages
from gateways.gates.pictures import Pictures
from gateways.gates.presence import Presence
from gateways.gates.protocol import Read
from gateways.gates.signals import signals_of
from gateways.gates.spool import open_spool
from gateways.metrics import GateMetrics
from gateways.pictures.folder import FolderPictures
from parking.barrier import GateOutcome
from parking.device import Channel, Device
from parking.ids import LaneId
from parking.journal import Result
from parking.plate import Colour
from tests.gateways.gate_stage import PARTITIONS, catalog_of, publish_catalog
from tests.scenarios.stage import stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from parking.catalog import Controller
    from parking.ids import ControllerId, GarageId
    from parking.live.openings import Opening
    from tests.scenarios.stage import Stage


__all__ = ["IN", "MINUTE", "OUT", "Lane", "lane"]

MINUTE = timedelta(minutes=1)
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
    catalog: CatalogKeeper
    attendants: Attendants
    pictures: Path
    loops: list[asyncio.Task[None]] = field(default_factory=list)

    async def read(self, device: Device = IN, **changed: object) -> tuple[bool, str]:
        """Whether a read opens, and why."""
        now = self.stage.clock.moment
        channel = next(iter(device.channels))
        fields: dict[str, Any] = dict(changed)
        read = Read(captured_at=now, number="浙A12345", colour=Colour.BLUE, confidence=0.97, channel=channel)
        answered = await self.intake.take(replace(read, **fields), self.controller, device)
        return answered.opens, answered.reason

    async def results(self) -> list[Result]:
        """What became of each event of the garage."""
        return [one.result for one in await self.stage.journal()]


@asynccontextmanager
async def lane(
    valkey_url: str,
    folder: Path,
    *,
    tell: Callable[[tuple[GarageId, ControllerId], Opening], bool] = lambda _key, _opening: False,
) -> AsyncIterator[Lane]:
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
        commander = Commander({"called": Locked()}, barrier_log, lambda sealed: sealed, on.live)
        pictures = Pictures(FolderPictures(folder / "pictures"), on.clock, metrics, kept=timedelta(days=1))
        attendants = Attendants(on.live, catalog, commander, barrier_log, on.clock, tell=tell)

        async def is_inside(garage_id: GarageId, number: str) -> bool:
            return (await on.sessions.find(garage_id, number)).session is not None

        intake = DeviceIntake(
            gatehouse,
            DeviceClocks(),
            Passages(is_inside),
            on.clock,
            late_after=2 * MINUTE,
            make_signals=signals_of,
            openings=Openings(commander, barrier_log, on.clock),
            pictures=pictures,
            attendants=attendants,
            presence=Presence(on.live, on.clock),
            held=HeldCars(on.sessions, lambda: catalog.current.garages, on.clock, waits=10 * MINUTE),
            metrics=metrics,
        )
        running = (barrier_log.run(), commander.run(), pictures.run(), attendants.run())
        loops = [tasks.create_task(one) for one in running]
        yield Lane(
            stage=on,
            intake=intake,
            controller=catalog.current.controllers["c1"],
            catalog=catalog,
            attendants=attendants,
            pictures=folder / "pictures",
        )
        for loop in loops:
            loop.cancel()
