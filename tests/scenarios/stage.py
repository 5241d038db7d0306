"""One garage on a real Valkey, with a clock that the scenario moves and a journal that it reads."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from typing_extensions import override

from parking.clock import Clock
from parking.desk import Desk
from parking.event import GateEvent, Kind
from parking.garage import Direction, Garage, Policy
from parking.ids import EventId, GarageId, LaneId, Partition, partition_of
from parking.live.batching import BatchingConnection
from parking.live.codec import record_from
from parking.live.granting import LiveDebtors, LiveGrants
from parking.live.journal import library_text
from parking.live.keys import journal_key
from parking.live.sessions import Sessions
from parking.plate import Colour, parse_plate
from parking.tariff import Rate, Tariff, TariffSchedule, TariffVersion, Tier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from parking.journal import Record

__all__ = [
    "GARAGE",
    "LANES",
    "MIDNIGHT",
    "PARTITIONS",
    "TARIFF",
    "ManualClock",
    "Stage",
    "an_event",
    "garage_of",
    "live_connection",
    "stage",
]

PARTITIONS = 8
GARAGE = GarageId("G1")
CHINA = timezone(timedelta(hours=8))
MIDNIGHT = datetime(2026, 3, 2, tzinfo=CHINA)
LANES = {
    LaneId("in-1"): Direction.ENTRY,
    LaneId("out-1"): Direction.EXIT,
    LaneId("gate"): Direction.BOTH,
}
TARIFF = Tariff(
    tariff_id="scenario",
    name="15 minutes free, 8 yuan for the first hour, then 4 yuan a started half hour, at most 60 a day",
    free_minutes=15,
    first=Tier(minutes=60, block_minutes=60, block_price_fen=800),
    then=Rate(block_minutes=30, block_price_fen=400),
    cap_fen=6000,
)


class ManualClock(Clock):
    """Stands still until it is moved."""

    def __init__(self, moment: datetime = MIDNIGHT) -> None:
        self.moment = moment

    @override
    def now(self) -> datetime:
        return self.moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a test of the desk plays on."""

    live: BatchingConnection
    sessions: Sessions
    grants: LiveGrants
    debtors: LiveDebtors
    clock: ManualClock
    desk: Desk
    partition: Partition = field(default_factory=lambda: partition_of(GARAGE, PARTITIONS))

    async def journal(self) -> list[Record]:
        """Every record of the garage's partition, oldest first."""
        entries = await self.live.call("XRANGE", journal_key(self.partition), "-", "+")
        return [record_from(_text(position), self.partition, _fields(pairs)) for position, pairs in entries]

    async def dump(self) -> dict[bytes, bytes]:
        """The whole store: every key with its serialised value; expiry is not part of it."""
        keys: list[bytes] = sorted(await self.live.call("KEYS", "*"))
        return {key: await self.live.call("DUMP", key) for key in keys}


@asynccontextmanager
async def live_connection(url: str) -> AsyncIterator[BatchingConnection]:
    """A connection as the gates use it, stopped afterwards."""
    live = BatchingConnection(url, library=library_text())
    async with asyncio.TaskGroup() as tasks:
        await live.start(tasks)
        try:
            yield live
        finally:
            live.stop()


@asynccontextmanager
async def stage(url: str) -> AsyncIterator[Stage]:
    """A desk on an emptied store."""
    async with live_connection(url) as live:
        clock = ManualClock()
        sessions = Sessions(live, partition_count=PARTITIONS)
        yield Stage(
            live=live,
            sessions=sessions,
            grants=LiveGrants(live, clock, partition_count=PARTITIONS),
            debtors=LiveDebtors(live, partition_count=PARTITIONS),
            clock=clock,
            desk=Desk(sessions, clock),
        )


def garage_of(policy: Policy | None = None, *, garage_id: str = GARAGE) -> Garage:
    """A garage with an entry, an exit and a lane for both."""
    return Garage(
        garage_id=GarageId(garage_id),
        name="Scenario",
        spaces=100,
        lanes=LANES,
        tariffs=TariffSchedule(
            versions=(TariffVersion(in_force_from=MIDNIGHT - timedelta(days=365), tariff=TARIFF),)
        ),
        policy=policy or Policy(),
    )


def an_event(
    event_id: str = "e1",
    kind: Kind = Kind.ENTRY,
    *,
    at: datetime = MIDNIGHT,
    plate: str = "浙A12345",
    lane: str | None = None,
    confidence: float = 0.97,
) -> GateEvent:
    """A sure reading of a blue plate in the lane that fits, unless told otherwise."""
    return GateEvent(
        event_id=EventId(event_id),
        garage_id=GARAGE,
        lane_id=LaneId(lane or {Kind.ENTRY: "in-1", Kind.EXIT: "out-1", Kind.TURN_BACK: "gate"}[kind]),
        kind=kind,
        captured_at=at,
        plate=parse_plate(plate, Colour.BLUE),
        confidence=confidence,
    )


def _fields(pairs: list[bytes]) -> dict[str, str]:
    return dict(zip(map(_text, pairs[::2]), map(_text, pairs[1::2]), strict=True))


def _text(raw: bytes) -> str:
    return raw.decode()
