"""The reorderer: puts in order what a garage has reported late.

A garage that was cut off delivers hours of passages in any order and partly twice. Each is booked as it
comes, so that nothing waits for anything and cars inside are nearly right at once; an exit that comes before
its entry, or after the car's next visit, ends no session and waits on the review list. When the garage has
delivered nothing late for a while, all passages of the cars concerned are looked at in the order in which
they happened, and what the books say is made to agree: sessions are closed, visits that have none get one,
and bills that end at the wrong exit are corrected before their charges fall due, for these wait from the
report and not from the exit.

Each repair has the name of the exit that ends the visit, in the live store and in the books, so that
repeating it changes nothing, whoever died in between. While the biller is behind, nothing is repaired. What
has changed between reading and repairing is left as it is, and its car is looked at once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from parking.case import Timeliness
from parking.decision import Decision, Reason, Verdict
from parking.errors import Conflict, Defect
from parking.event import GateEvent
from parking.fee import changes_until, fee_of
from parking.ids import session_id_of
from parking.live.outcomes import Changed, Remembered, Written
from parking.price_facts import continued
from parking.pricing import Visit
from parking.session import Session, Step
from parking.tariff import version_id_of
from parking.visits import visits_of
from settlement.closing import closing_event
from settlement.patience import in_rounds
from settlement.visit_repairs import (
    RepairKind,
    bill_will_begin_late,
    explained_by,
    missed_exit_of,
    repairs_of,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from parking.clock import Clock
    from parking.garage import Garage
    from parking.ids import GarageId, SessionId
    from parking.live.sessions import Sessions
    from parking.visits import Passage
    from settlement.closing import Closer
    from settlement.observe import Observer
    from settlement.visit_repairs import Repair, Settled, Stay

__all__ = ["Car", "Reorderer", "ReordererSettings", "VisitBooks"]

LOOP: Final = "reorderer"
CARS_AT_A_TIME: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ReordererSettings:
    """When the reorderer looks; by the project's clock, but ``every_s``."""

    every_s: float = 5.0
    quiet: timedelta = timedelta(minutes=2)
    """Without a late report for this long a garage has delivered what it had."""
    wait_max: timedelta = timedelta(hours=1)
    """One that never falls quiet is looked at all the same, as often as this."""
    look_back: timedelta = field(default_factory=lambda: 2 * Timeliness().window)
    """How far back passages are looked at: as late as any may be, and a stay before that."""
    behind_max: timedelta = timedelta(seconds=5)
    """The age of a record that the biller has not settled from which it counts as behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """What is booked about one plate number at one garage."""

    passages: Sequence[Passage]
    stays: Mapping[SessionId, Stay]


class Made(NamedTuple):
    """How many visits were repaired, whether one could not be, and whether one waits for its bill."""

    repaired: int
    left_over: bool
    waits: bool


class Done(NamedTuple):
    """A visit that is in order: its session, and what it is charged."""

    session: Session
    visit: Visit


class VisitBooks(Protocol):
    """What the reorderer reads and writes."""

    async def late_garages(self, since: datetime) -> Mapping[GarageId, datetime]:
        """The garages of which something late was archived since then, and when the last of it was."""
        ...

    async def late_numbers(self, garage_id: GarageId, since: datetime, until: datetime) -> Sequence[str]:
        """The plate numbers of what was archived late after one moment and up to another."""
        ...

    async def cars(self, garage: Garage, numbers: Sequence[str], since: datetime) -> Sequence[Car]:
        """What is booked of each of these numbers since then; of passages those that are sure."""
        ...

    async def retime(
        self, stay: Stay, began_at: datetime, left: Passage, *, exit_within: timedelta, now: datetime
    ) -> int:
        """Have the bill in force begin no later, and end at that exit; what it is now.

        Once for as often as it was corrected. Raises :class:`Conflict` where that cannot be, or the bill in
        force is not that of ``stay`` any more.
        """
        ...

    async def claim(self, garage_id: GarageId, item: Settled, now: datetime) -> None:
        """Settle the item of a missed exit, once; raises :class:`Conflict` where a person has settled it."""
        ...

    async def settle(self, garage_id: GarageId, items: Sequence[Settled], now: datetime) -> None:
        """Settle those of these items that are open."""
        ...


@dataclass(slots=True, kw_only=True)
class Reorderer:
    """One loop over all garages; ``behind`` says for how long the biller has had a record unsettled."""

    books: VisitBooks
    sessions: Sessions
    closer: Closer
    garage_of: Callable[[GarageId], Awaitable[Garage | None]]
    behind: Callable[[], Awaitable[timedelta]]
    clock: Clock
    observer: Observer
    settings: ReordererSettings = field(default_factory=ReordererSettings)
    looked: dict[GarageId, datetime] = field(default_factory=dict)
    """Up to which archived report each garage was put in order."""
    looked_at: dict[GarageId, datetime] = field(default_factory=dict)
    """When it was last put in order, or found to have something late."""
    again: dict[GarageId, frozenset[str]] = field(default_factory=dict)
    """The plate numbers that could not be put in order, to be looked at once more."""
    waiting: dict[GarageId, frozenset[str]] = field(default_factory=dict)
    """Those of stays that began before their sessions: their bills will begin too late."""

    async def run(self) -> None:
        """Work until cancelled; stores that are away are asked again in the next round."""
        await in_rounds(self.step, loop=LOOP, every_s=self.settings.every_s, observer=self.observer)

    async def step(self) -> int:
        """Put in order the garages that are to be now; how many visits were repaired."""
        if await self.behind() > self.settings.behind_max:
            return 0
        now, repaired = self.clock.now(), 0
        for garage_id, last in (await self.books.late_garages(now - self.settings.look_back)).items():
            if self._is_due(garage_id, last, now):
                repaired += await self._put_in_order(garage_id, last, now)
                self.looked[garage_id], self.looked_at[garage_id] = last, now
        return repaired

    def _is_due(self, garage_id: GarageId, last: datetime, now: datetime) -> bool:
        looked = self.looked.get(garage_id)
        more = self.again.get(garage_id) or self.waiting.get(garage_id)
        if looked is not None and last <= looked and not more:
            self.looked_at[garage_id] = now
            return False
        since = self.looked_at.setdefault(garage_id, now)
        return last <= now - self.settings.quiet or since <= now - self.settings.wait_max

    async def _put_in_order(self, garage_id: GarageId, last: datetime, now: datetime) -> int:
        garage = await self.garage_of(garage_id)
        if garage is None:
            return 0
        since = now - self.settings.look_back
        late = await self.books.late_numbers(garage_id, self.looked.get(garage_id, since), last)
        again = self.again.get(garage_id, frozenset())
        numbers = sorted({*late, *again, *self.waiting.get(garage_id, frozenset())})
        repaired, failed, waiting = 0, set(), set()
        for start in range(0, len(numbers), CARS_AT_A_TIME):
            some = numbers[start : start + CARS_AT_A_TIME]
            for number, car in zip(some, await self.books.cars(garage, some, since), strict=True):
                made = await self._repair(garage, car, self.clock.now())
                repaired += made.repaired
                if made.left_over:
                    failed.add(number)
                if made.waits:
                    waiting.add(number)
        self.again[garage_id], self.waiting[garage_id] = frozenset(failed - again), frozenset(waiting)
        return repaired

    async def _repair(self, garage: Garage, car: Car, now: datetime) -> Made:
        """Make the books agree with what one car did; a visit that cannot be is left to a person."""
        visits = visits_of(car.passages, garage.policy)
        repairs = repairs_of(visits, car.stays, partial(fee_of, garage=garage))
        if repairs is None:
            return Made(0, left_over=False, waits=False)
        settled: list[Settled] = []
        repaired, left_over, last = 0, False, None
        for repair in repairs:
            try:
                last = await self._carry_out(repair, garage, now, last if repair.seen_out else None)
            except Conflict:
                # What follows builds on it: a later visit would be billed on top of the wrong one.
                left_over = True
                break
            repaired += repair.kind is not RepairKind.NONE
            settled += explained_by(repair, garage.garage_id, last.session.session_id)
        if settled:
            await self.books.settle(garage.garage_id, settled, now)
        return Made(repaired, left_over, bill_will_begin_late(visits, car.stays))

    async def _carry_out(self, repair: Repair, garage: Garage, now: datetime, last: Done | None) -> Done:
        """Do what is to be done about one visit, which came after ``last``."""
        if repair.stay is None:
            return await self._admit(repair, garage, now, last)
        session, amount_fen = repair.stay.session, repair.stay.billed_fen
        event = _event(garage, repair.exit, session)
        match repair.kind:
            case RepairKind.CLOSE:
                amount_fen = await self.closer.close_session(event, session, garage)
            case RepairKind.CLOSE_MISSED:
                # First, so that whoever dismisses the stay now is told that it is billed, or it is not.
                await self.books.claim(garage.garage_id, missed_exit_of(session.session_id), now)
                amount_fen = await self._record(event, session, garage, now)
            case RepairKind.RETIME:
                within = garage.policy.prepaid_exit_within
                amount_fen = await self.books.retime(
                    repair.stay, repair.reads[0].at, repair.exit, exit_within=within, now=now
                )
            case _:
                pass
        return _done(session, repair.exit, amount_fen)

    async def _admit(self, repair: Repair, garage: Garage, now: datetime, last: Done | None) -> Done:
        """Write down a visit of which the gates opened no session; it may go on with the stay before."""
        entry, tariff = repair.entry, garage.tariffs.in_force(repair.entry.at)
        event = closing_event(garage.garage_id, entry, entry.plate)
        session = Session(
            session_id=session_id_of(garage.garage_id, event.event_id),
            garage_id=garage.garage_id,
            plate=entry.plate,
            entered_at=entry.at,
            entry_lane_id=entry.lane_id,
            entry_event_id=event.event_id,
            tariff_version_id=version_id_of(tariff),
            earlier=continued(last.session.earlier, last.visit, entry.at, tariff) if last else (),
        )
        left = _event(garage, repair.exit, session)
        amount_fen = await self._record(left, session, garage, now, entered=event)
        return _done(session, repair.exit, amount_fen)

    async def _record(
        self,
        event: GateEvent,
        session: Session,
        garage: Garage,
        now: datetime,
        *,
        entered: GateEvent | None = None,
    ) -> int:
        """Journal the end of a stay of which the live store knows nothing, and its beginning; its fee."""
        left_at = event.captured_at
        amount_fen = fee_of(session, left_at, garage)
        changes = changes_until(session, left_at, garage)
        left = replace(session, version=session.version + 1, left_at=left_at, changes=changes)
        steps = [] if entered is None else [(entered, _late(0), Step.ENTERED, session)]
        outcome = await self.sessions.take(
            self.sessions.steps.past([*steps, (event, _late(amount_fen), Step.LEFT, left)], received_at=now)
        )
        if isinstance(outcome, Changed):
            raise Conflict("the car is inside for this stay after all")
        if not isinstance(outcome, Written | Remembered):
            raise Defect("a step has an outcome of another")
        return amount_fen


def _done(session: Session, left: Passage, amount_fen: int) -> Done:
    return Done(session, Visit(entered_at=session.entered_at, left_at=left.at, amount_fen=amount_fen))


def _event(garage: Garage, left: Passage, session: Session) -> GateEvent:
    return closing_event(garage.garage_id, left, session.plate)


def _late(amount_fen: int) -> Decision:
    return Decision(verdict=Verdict.HOLD, reason=Reason.LATE, amount_fen=amount_fen)
