"""Journal records of whole stays, as the gates would have written them, and a journal that hands them out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from typing_extensions import override

from parking.benefits import NO_BENEFITS
from parking.decision import Decision, Reason, Verdict
from parking.event import GateEvent, Kind
from parking.ids import AccountId, EventId, GarageId, LaneId, partition_of, session_id_of
from parking.journal import Record, Result
from parking.plate import Colour, Plate
from parking.pricing import Stay, price
from parking.session import Session, Step
from parking.tariff import Rate, Tariff, Tier, version_id_of
from settlement.journal_port import Journal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parking.ids import Partition
    from parking.journal import Unreadable

__all__ = ["ACCOUNTS", "MORNING", "PARTITIONS", "TARIFFS", "Backlog", "Stays", "stays"]

MORNING = datetime(2026, 5, 4, 8, tzinfo=UTC)
PARTITIONS = 64
GARAGES = 16
TARIFF = Tariff(
    tariff_id="centre",
    name="Centre",
    first=Tier(minutes=60, block_minutes=60, block_price_fen=800),
    then=Rate(block_minutes=30, block_price_fen=400),
    cap_fen=6_000,
    free_minutes=15,
)
TARIFFS = {version_id_of(TARIFF): TARIFF}
ACCOUNTS = [AccountId(UUID(int=number)) for number in range(1, 2_001)]
OPEN = Decision(verdict=Verdict.OPEN, reason=Reason.ENTRY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """The entries and the exits of the same cars."""

    entries: list[Record]
    exits: list[Record]


class Backlog(Journal):
    """Records that wait; every partition gives up to ``count`` at a time, as a stream does."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._waiting: dict[Partition, list[Record]] = defaultdict(list)
        for record in reversed(records):
            self._waiting[record.partition].append(record)

    @override
    async def read(self, group: str, count: int, block: timedelta) -> list[Record | Unreadable]:
        return [waiting.pop() for waiting in self._waiting.values() for _ in range(min(count, len(waiting)))]

    @override
    async def redelivered(
        self, group: str, count: int, idle: timedelta
    ) -> list[tuple[Record | Unreadable, int]]:
        return []

    @override
    async def settle(self, group: str, positions: Mapping[Partition, Sequence[str]]) -> None:
        return


def stays(cars: int, turn: int) -> Stays:
    """``cars`` stays of half an hour to four hours, spread over the garages; ``turn`` makes them new."""
    pairs = [_stay(number, f"{turn}-{number}") for number in range(cars)]
    return Stays(entries=[entry for entry, _ in pairs], exits=[exit_ for _, exit_ in pairs])


def _stay(number: int, name: str) -> tuple[Record, Record]:
    garage_id = GarageId(f"garage-{number % GARAGES}")
    plate = Plate(number=f"浙A{number % 100_000:05d}", colour=Colour.BLUE)
    entered_at = MORNING + timedelta(seconds=number % 36_000)
    left_at = entered_at + timedelta(minutes=30 + number * 7 % 210)
    event = GateEvent(
        event_id=EventId(f"in-{name}"),
        garage_id=garage_id,
        lane_id=LaneId("in-1"),
        kind=Kind.ENTRY,
        captured_at=entered_at,
        plate=plate,
        confidence=0.97,
    )
    inside = Session(
        session_id=session_id_of(garage_id, event.event_id),
        garage_id=garage_id,
        plate=plate,
        entered_at=entered_at,
        entry_lane_id=event.lane_id,
        entry_event_id=event.event_id,
        tariff_version_id=version_id_of(TARIFF),
    )
    entry = Record(
        position=f"in-{name}",
        partition=partition_of(garage_id, PARTITIONS),
        event=event,
        received_at=entered_at,
        result=Result.APPLIED,
        decision=OPEN,
        step=Step.ENTERED,
        session=inside,
    )
    return entry, _exit(entry, inside, left_at, account_id=ACCOUNTS[number % len(ACCOUNTS)])


def _exit(entry: Record, inside: Session, left_at: datetime, *, account_id: AccountId) -> Record:
    fee = price(Stay(entered_at=inside.entered_at, left_at=left_at, plate=inside.plate), TARIFF)
    event = replace(
        entry.event,
        event_id=EventId(f"out-{entry.event.event_id}"),
        lane_id=LaneId("out-1"),
        kind=Kind.EXIT,
        captured_at=left_at,
    )
    return replace(
        entry,
        position=f"out-{entry.position}",
        event=event,
        received_at=left_at,
        decision=Decision(
            verdict=Verdict.OPEN, reason=Reason.GRANTED, amount_fen=fee.amount_fen, limit_fen=10_000
        ),
        step=Step.LEFT,
        session=replace(inside, version=1, left_at=left_at, account_id=account_id, benefits=NO_BENEFITS),
    )
