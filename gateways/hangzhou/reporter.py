"""Finds what the city has to be told, by comparing the books with what it was told.

Nothing is written while gates are answered or bills are posted. Every second the books are asked for visits
that the city does not know, or not to their end; the reports are kept with the note that they are told, in
one statement. A visit that has a number at the city can be charged there: so bills are assigned to who
vouched for them here, after their visits were numbered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gateways.hangzhou.codes import BEIJING, UID_TRIES, uid_of
from gateways.hangzhou.connection import RAIL
from gateways.hangzhou.reports import Garage, Reporting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from gateways.hangzhou.connection import Connection
    from parking.clock import Clock
    from parking.ids import GarageId
    from settlement.books.garages import Garages
    from settlement.books.vouchers import Vouchers
    from settlement.visit_report import Report, ReportBooks, Visit

__all__ = ["Reporter"]

BATCH: Final = 500
LOOK_BACK: Final = timedelta(minutes=10)
"""How far back each round looks for visits that are new."""
SWEEP_BACK: Final = timedelta(hours=72)
"""How far back a seldom round looks, for what comes late: longer than events may be late."""
CHECK_FROM: Final = timedelta(hours=2)
"""How long after midnight a day is compared: what was collected late in it is known by then."""
KEPT: Final = timedelta(days=60)
"""How long it is kept, after a visit began, what the city was told of it."""


@dataclass(slots=True, kw_only=True)
class Reporter:
    """All garages of one connection."""

    connection: Connection
    books: ReportBooks
    garages: Garages
    vouchers: Vouchers
    clock: Clock
    _spaces: dict[GarageId, int] = field(default_factory=dict)
    _checked: date | None = None

    async def step(self) -> int:
        """Report what is new, as far as one batch goes; how many visits. Raises what the books raise."""
        reported = await self._add(LOOK_BACK) + await self._tell()
        await self.vouchers.assign(RAIL, self.clock.now())
        return reported

    async def sweep(self) -> None:
        """Report what came late, compare the day that is over, and forget what is old."""
        records = {record.garage_id: record.spaces for record in await self.garages.all()}
        self._spaces = {one: records[one] for one in self.connection.garages if one in records}
        while await self._add(SWEEP_BACK) == BATCH:
            continue
        await self._compare()
        await self.books.forget(self.clock.now() - KEPT)

    async def now(self) -> dict[GarageId, Garage]:
        """The garages that are in the books, and how full they are as far as the city knows."""
        occupied = await self.books.occupied(list(self._spaces))
        return {
            garage_id: Garage(
                garage_id=garage_id,
                city=self.connection.garages[garage_id],
                spaces=spaces,
                occupied=occupied.get(garage_id, 0),
            )
            for garage_id, spaces in self._spaces.items()
        }

    async def _add(self, back: timedelta) -> int:
        """Number visits that are new and report that their cars came in."""
        now = self.clock.now()
        visits = await self.books.new_visits(list(self._spaces), since=now - back, limit=BATCH)
        if not visits:
            return 0
        garages, reporting = await self.now(), self._reporting()
        numbered = list(zip(visits, await self._uids(visits, garages), strict=True))
        reports: list[Report] = []
        for visit, uid in numbered:
            garages[visit.garage_id] = garages[visit.garage_id].with_more(1)
            reports += reporting.came_in(visit, uid, garages[visit.garage_id])
        await self.books.add_visits(numbered, reports, now)
        return len(visits)

    async def _uids(self, visits: Sequence[Visit], garages: dict[GarageId, Garage]) -> list[str]:
        """The numbers that they get: the second of the arrival, or the next that is free."""
        places = [garages[one.garage_id] for one in visits]
        wanted = [
            (garage.city.parking_code, garage.lane(one.entry_lane_id), one.entered_at)
            for garage, one in zip(places, visits, strict=True)
        ]
        possible = {
            uid_of(code, lane, entered_at + timedelta(seconds=second))
            for code, lane, entered_at in wanted
            for second in range(UID_TRIES)
        }
        taken = await self.books.taken(possible)
        uids = []
        for code, lane, entered_at in wanted:
            uids.append(uid_of(code, lane, entered_at, taken))
            taken.add(uids[-1])
        return uids

    async def _tell(self) -> int:
        """Report what happened to visits that the city knows."""
        changed = await self.books.changed(BATCH)
        known = [one for one in changed if one.visit.garage_id in self._spaces]
        if not known:
            return 0
        garages, reporting = await self.now(), self._reporting()
        reports: list[Report] = []
        for one in known:
            garage_id = one.visit.garage_id
            garages[garage_id] = garages[garage_id].with_more(one.more_inside)
            reports += reporting.news(one, garages[garage_id])
        await self.books.told(known, reports, self.clock.now())
        return len(known)

    async def _compare(self) -> None:
        """Once for each day that is over; after a restart once more, which does no harm."""
        local = self.clock.now().astimezone(BEIJING)
        day = (local - CHECK_FROM).date() - timedelta(days=1)
        if day == self._checked:
            return
        totals = await self.books.collected(list(self._spaces), day, BEIJING.utcoffset(None))
        reports = [self._reporting().day(total, day) for total in totals]
        await self.books.add_visits([], reports, self.clock.now())
        self._checked = day

    def _reporting(self) -> Reporting:
        return Reporting(connection=self.connection, now=self.clock.now())
