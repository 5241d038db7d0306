"""What is known of a visit, for somebody outside to whom visits are reported.

Some authorities want to hear of each car that comes and goes, and of each payment. They number a visit in
their own way and must be told the same number throughout. What they have been told is kept beside the
number, so that what is new follows from a comparison of rows: nothing has to be written while a gate's
records are booked, and a report that is lost with its process is found to be missing again.

Pure; whoever knows the authority's language words the reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from parking.session import State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime, timedelta
    from uuid import UUID

    from parking.ids import BillId, EventId, GarageId, LaneId, Partition, SessionId
    from parking.plate import Plate

__all__ = [
    "BillNow",
    "DayTotal",
    "PaidVisit",
    "PaymentNow",
    "Report",
    "ReportBooks",
    "Told",
    "Visit",
    "VisitNow",
    "Waiting",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A visit as it began."""

    partition: Partition
    session_id: SessionId
    garage_id: GarageId
    plate: Plate
    entered_at: datetime
    entry_lane_id: LaneId
    entry_event_id: EventId
    image_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillNow:
    """The bill of a visit that stands; ``prepaid_at`` is when its driver last paid inside."""

    bill_id: BillId
    amount_fen: int
    prepaid_fen: int
    raised_at: datetime
    prepaid_at: datetime | None

    @property
    def due_fen(self) -> int:
        """What was left to pay after leaving."""
        return self.amount_fen - self.prepaid_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentNow:
    """What was paid after leaving: by a rail under an attempt, or to an attendant by a method."""

    paid_at: datetime
    rail: str | None
    attempt_key: str | None
    method: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the recipient knows: how often the visit was closed, of which bill, and whether that was paid."""

    closings: int = 0
    bill_id: UUID | None = None
    is_paid: bool = False
    is_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitNow:
    """A reported visit of which there is more to tell; ``is_void`` says that its bill was taken back."""

    visit: Visit
    uid: str
    told: Told
    state: State
    closings: int
    left_at: datetime | None
    exit_lane_id: LaneId | None
    exit_image: str | None
    bill: BillNow | None
    is_void: bool
    payment: PaymentNow | None

    @property
    def is_over(self) -> bool:
        """It ended without an exit: turned back at the entry, or its exit was never seen."""
        return self.state in {State.VOIDED, State.SUPERSEDED}

    @property
    def more_inside(self) -> int:
        """How many more cars the recipient will take to be inside: 1, 0 or -1."""
        was_inside = self.told.bill_id is None
        return int(self.state is State.INSIDE) - int(was_inside) if not self.is_over else -int(was_inside)

    def told_all(self) -> Told:
        """What the recipient knows once everything is told."""
        if self.is_over:
            return Told(closings=self.closings, is_open=False)
        if self.state is not State.CLOSED or self.bill is None:
            return Told(closings=self.told.closings)
        is_paid = self.payment is not None or self.bill.due_fen == 0
        is_open = not (is_paid or self.is_void)
        return Told(closings=self.closings, bill_id=self.bill.bill_id, is_paid=is_paid, is_open=is_open)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A message for the recipient about a garage, already in its language."""

    garage_id: GarageId
    operation: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A report that has not arrived yet, and its place in the order."""

    report: Report
    added_at: datetime
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidVisit:
    """The visit that an attempt of a charge is about, as far as whoever collects it must know."""

    garage_id: GarageId
    uid: str
    plate: Plate
    entered_at: datetime
    left_at: datetime
    billed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTotal:
    """What a rail collected for a garage, of the bills of a day."""

    garage_id: GarageId
    payments: int
    paid_fen: int


class ReportBooks(Protocol):
    """What is to be told, kept where the money is; all for one recipient."""

    async def new_visits(
        self, garage_ids: Collection[GarageId], *, since: datetime, limit: int
    ) -> list[Visit]:
        """Visits that began since then and have no number yet, oldest first."""
        ...

    async def taken(self, uids: Collection[str]) -> set[str]:
        """Those of the numbers that other visits have."""
        ...

    async def occupied(self, garage_ids: Collection[GarageId]) -> Mapping[GarageId, int]:
        """How many reported visits have not been reported to have ended, by garage."""
        ...

    async def add_visits(
        self, visits: Sequence[tuple[Visit, str]], reports: Sequence[Report], now: datetime
    ) -> None:
        """Number visits and keep what is reported of them, together."""
        ...

    async def changed(self, limit: int) -> list[VisitNow]:
        """Visits of which there is more to tell, oldest first."""
        ...

    async def told(self, visits: Sequence[VisitNow], reports: Sequence[Report], now: datetime) -> None:
        """Keep the reports, and that the recipient knows of them what they say, together."""
        ...

    async def waiting(self, resting: Collection[GarageId], limit: int) -> list[Waiting]:
        """Reports that have not arrived, in order, but of no garage that rests."""
        ...

    async def arrived(self, reports: Sequence[Waiting]) -> None:
        """Let them go."""
        ...

    async def refused(self, report: Waiting, why: str, now: datetime) -> None:
        """The recipient will not take it: let it go, and have a person look."""
        ...

    async def collected(
        self, garage_ids: Collection[GarageId], day: date, offset: timedelta
    ) -> list[DayTotal]:
        """What the recipient, as a rail, has collected of a day's bills; ``offset`` is its time from UTC."""
        ...

    async def forget(self, before: datetime) -> None:
        """Drop what was told of visits that began before and have left: it says who was where."""
        ...
