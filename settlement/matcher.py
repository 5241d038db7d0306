"""The matcher: finds out whose car it was that left on a plate which was not read surely.

Such an exit ended no session and waits on the review list; the car is inside as far as the gates know, and
nobody is charged. After a while, in which another camera, a second reading or a late entry may explain it,
the matcher looks once, and again at growing intervals: was it a passage that another camera had read? Which
cars inside come near (:mod:`parking.misread`)? What is beyond doubt is settled as a person would: the live
store first, which remembers it, then the item. Everything else stays on the list, with the reason and the
nearest cars.

A process that dies in between finds the closing in the archive and only notes it. While the biller is behind,
nobody is matched: an exit that explains the reading may not be booked yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from parking.decision import Reason, Verdict
from parking.errors import Conflict, NotFound
from parking.misread import (
    Inside,
    MatchRules,
    NoMatch,
    Passage,
    match_of,
    nearest,
    opposite_of,
    readings_of,
)
from settlement.patience import in_rounds
from settlement.review import Resolution

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from parking.clock import Clock
    from parking.event import GateEvent
    from parking.garage import Garage
    from parking.ids import GarageId, SessionId
    from parking.live.sessions import Sessions
    from parking.misread import Near
    from parking.session import Session
    from settlement.closing import Closer
    from settlement.observe import Observer
    from settlement.rebuild import ArchivedAnswer
    from settlement.review import ReviewItem

__all__ = ["Matcher", "MatcherSettings", "Unmatched", "UnmatchedBooks"]

LOOP: Final = "matcher"
OFF: Final = "switched_off"
TAKEN: Final = "taken"
"""Somebody closed another car's session for this item, or the car left meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatcherSettings:
    """When the matcher looks; by the project's clock, but ``every_s``."""

    every_s: float = 5.0
    """How often new items are looked for."""
    wait: timedelta = timedelta(minutes=2)
    """How long an exit waits for what may explain it; its charge would not fall due before long."""
    again_after: timedelta = timedelta(minutes=10)
    """When it is looked at for the second time; then each time after as long as it has waited."""
    give_up_after: timedelta = timedelta(hours=24)
    """After that, it is a person's alone."""
    later: timedelta = timedelta(minutes=10)
    """Up to how long after an exit its car's being seen again speaks against a match."""
    batch: int = 50
    """Items of one round."""
    behind_max: timedelta = timedelta(seconds=5)
    """The age of a record that the biller has not settled from which it counts as behind."""
    rules: MatchRules = field(default_factory=MatchRules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmatched:
    """An open item of an exit that ended no session, and its event.

    ``closed_by`` is the event that ended a session for it, when that is archived and only the item is open.
    """

    item: ReviewItem
    answer: ArchivedAnswer
    closed_by: ArchivedAnswer | None


class UnmatchedBooks(Protocol):
    """What the matcher reads and writes."""

    async def unmatched(
        self,
        *,
        opened_from: datetime,
        opened_until: datetime,
        again_after: timedelta,
        now: datetime,
        limit: int,
    ) -> list[Unmatched]:
        """Items to look at now, oldest first."""
        ...

    async def passages(
        self, garage_id: GarageId, since: datetime, until: datetime
    ) -> Sequence[ArchivedAnswer]:
        """The exits and turn-backs of a garage that were captured in a span."""
        ...

    async def entry_permilles(self, sessions: Sequence[Session]) -> Mapping[SessionId, int]:
        """How surely the entries of some sessions of one garage were read, as far as they are archived."""
        ...

    async def note_finding(self, item: ReviewItem, finding: Mapping[str, Any], now: datetime) -> None:
        """Write down what was found out about an open item, in place of what was before."""
        ...

    async def settle(self, item: ReviewItem, resolution: Resolution, *, note: str, now: datetime) -> None:
        """Record how an item was settled; raises :class:`Conflict` when it is already."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One loop over all garages; ``behind`` says for how long the biller has had a record unsettled."""

    books: UnmatchedBooks
    sessions: Sessions
    closer: Closer
    garage_of: Callable[[GarageId], Awaitable[Garage | None]]
    behind: Callable[[], Awaitable[timedelta]]
    clock: Clock
    observer: Observer
    settings: MatcherSettings = field(default_factory=MatcherSettings)

    async def run(self) -> None:
        """Work until cancelled; stores that are away are asked again in the next round."""
        await in_rounds(self._round, loop=LOOP, every_s=self.settings.every_s, observer=self.observer)

    async def _round(self) -> None:
        while await self.step() == self.settings.batch:
            continue

    async def step(self) -> int:
        """Look at what is to be looked at now; how many items that were."""
        settings, now = self.settings, self.clock.now()
        if await self.behind() > settings.behind_max:
            return 0
        found = await self.books.unmatched(
            opened_from=now - settings.give_up_after,
            opened_until=now - settings.wait,
            again_after=settings.again_after,
            now=now,
            limit=settings.batch,
        )
        for one in found:
            await self._look_at(one)
        return len(found)

    async def _look_at(self, one: Unmatched) -> None:
        try:
            await self._settle(one)
        except (Conflict, NotFound):
            await self._note(one, TAKEN, ())

    async def _settle(self, one: Unmatched) -> None:
        if one.closed_by is not None and one.closed_by.session_id is not None:
            _, offered = readings_of(one.answer.event)
            exact = one.closed_by.event.plate.number in offered
            await self._resolve(one, exact=exact, session_id=one.closed_by.session_id)
            return
        garage = await self.garage_of(one.item.garage_id)
        if garage is None:
            raise NotFound("the garage has no tariff")
        passage, others = _passage(one.answer), await self._others(one)
        bar, rules = garage.policy.confidence_bar_permille, self.settings.rules
        opposite = opposite_of(passage, others, bar_permille=bar, rules=rules)
        if opposite is not None:
            note = f"session {opposite.session_id}; read by event {opposite.event.event_id}"
            await self.books.settle(one.item, Resolution.OPPOSITE_CAMERA, note=note, now=self.clock.now())
            return
        near = await self._near(passage.event)
        decided = match_of(passage, near, others, bar_permille=bar, rules=rules)
        if isinstance(decided, NoMatch):
            await self._note(one, decided.why, decided.cars)
        elif not garage.policy.match_misreads:
            await self._note(one, OFF, (decided.car,))
        else:
            session_id = await self.closer.close(one.item, decided.car.session.plate, garage)
            await self._resolve(one, exact=decided.exact, session_id=session_id)

    async def _others(self, one: Unmatched) -> list[Passage]:
        """What else was seen at the exits about then, and for a while after."""
        at, settings = one.answer.event.captured_at, self.settings
        found = await self.books.passages(
            one.item.garage_id, at - settings.rules.passage, at + settings.later
        )
        return [_passage(answer) for answer in found if answer.event.event_id != one.answer.event.event_id]

    async def _near(self, event: GateEvent) -> list[Inside]:
        """The cars inside that come near, as the gates know them now."""
        near: list[Near] = []
        rules = self.settings.rules
        async for numbers in self.sessions.inside(event.garage_id):
            near += nearest(event, numbers, rules)
        closest = sorted(set(near))[: rules.suggested_max]
        found = [(one, await self.sessions.find(event.garage_id, one.number)) for one in closest]
        sessions = {one: seen.session for one, seen in found if seen.session is not None}
        sure = await self.books.entry_permilles(list(sessions.values()))
        return [
            Inside(near=one, session=session, entry_permille=sure.get(session.session_id))
            for one, session in sessions.items()
        ]

    async def _resolve(self, one: Unmatched, *, exact: bool, session_id: SessionId) -> None:
        resolution = Resolution.CANDIDATE if exact else Resolution.FUZZY
        await self.books.settle(one.item, resolution, note=f"session {session_id}", now=self.clock.now())

    async def _note(self, one: Unmatched, why: str, cars: Sequence[Inside]) -> None:
        finding = {
            "reason": why,
            "cars": [
                {
                    "session_id": str(car.session.session_id),
                    "number": car.session.plate.number,
                    "colour": car.session.plate.colour,
                    "entered_at": car.session.entered_at.isoformat(),
                    "distance": car.near.distance,
                }
                for car in cars
            ],
        }
        await self.books.note_finding(one.item, finding, self.clock.now())


def _passage(answer: ArchivedAnswer) -> Passage:
    """An event as archived. History has passed whatever the barrier was told: it moved for nobody."""
    decision = answer.decision
    passed = decision.verdict is Verdict.OPEN or decision.reason is Reason.LATE
    return Passage(event=answer.event, passed=passed, session_id=answer.session_id)
