"""Passages of a moment ago: a car that is read again in its lane is not a second car.

Only a car that was let through is remembered. One that was held is decided anew each time it is read, because
it may have paid meanwhile; one that was let through on a doubt is too, as a better read may follow. Where
two cameras watch an entry and one reads surely what the other did not, the doubtful entry is undone, as by
a turn-back. Each process knows its own lanes: a camera keeps its connection, a repeat that reaches another
process is met by the desk (a second entry is no second session, a second exit goes to a person).

A passage that was undone, or that another followed, is none any more, whoever reported that: the live store
says whether the car is still where its passage has brought it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gateways.gates.at_once import at_once
from parking.decision import Reason
from parking.event import Kind
from parking.ids import EventId
from parking.misread import MatchRules, distance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from parking.event import GateEvent
    from parking.ids import ControllerId, GarageId

    Camera = tuple[ControllerId, str]
    """A controller and its channel."""

__all__ = ["Passages"]

REMEMBERED_MAX: Final = 10_000
DOUBTFUL: Final = frozenset({Reason.LOW_CONFIDENCE, Reason.UNREADABLE})
NOT_YET_BOOKED: Final = frozenset({Reason.OUTAGE_POLICY, Reason.CLOCK})
"""Let through, though the live store knows nothing of it yet."""
RULES: Final = MatchRules()
MOMENT: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Passed:
    """A car that was let through: why, when, and which camera has read it."""

    event: GateEvent
    reason: Reason
    at: datetime
    camera: Camera


class Passages:
    """The last passage of each car and of each lane; ``is_inside`` tells of a number in a garage."""

    def __init__(self, is_inside: Callable[[GarageId, str], Awaitable[bool]]) -> None:
        self._is_inside = is_inside
        self._of_cars: OrderedDict[tuple[str, str], Passed] = OrderedDict()
        self._of_lanes: OrderedDict[tuple[str, str], Passed] = OrderedDict()
        self._doubted: OrderedDict[tuple[str, str], Passed] = OrderedDict()

    async def repeated(
        self, event: GateEvent, camera: Camera, *, within: timedelta, paired: bool, now: datetime
    ) -> GateEvent | None:
        """The event of the passage that this one is another read of.

        With ``paired`` a number that the other camera of two has read slightly differently is the same car's,
        unless a car of that number is there, too.
        """
        if not event.plate.readable:
            return None
        last = self._of_cars.get((event.garage_id, event.plate.number))
        if last is not None and _same_way(last.event, event) and abs(now - last.at) <= within:
            return last.event if await self._stands(last) else None
        last = self._of_lanes.get((event.garage_id, event.lane_id)) if paired else None
        if last is None or last.camera == camera or not _one_passage(last, event, now):
            return None
        is_its_own = event.kind is Kind.EXIT and await self._inside(event) is True
        return last.event if not is_its_own and await self._stands(last) else None

    def taken_back(self, event: GateEvent, reason: Reason, now: datetime) -> GateEvent | None:
        """What undoes the doubtful entry of a moment ago, where this surely read one is of the same car."""
        last = self._doubted.get((event.garage_id, event.lane_id))
        if last is None or event.kind is not Kind.ENTRY or reason in DOUBTFUL:
            return None
        if last.event.plate.number == event.plate.number or not _one_passage(last, event, now):
            return None
        return replace(
            last.event,
            event_id=EventId(f"{last.event.event_id}-undone"),
            kind=Kind.TURN_BACK,
            captured_at=last.event.captured_at + MOMENT,
            candidates=(),
        )

    def note(self, event: GateEvent, reason: Reason, camera: Camera, now: datetime) -> None:
        """A car was let through."""
        passed = Passed(event, reason, now, camera)
        if reason in DOUBTFUL and event.plate.readable:
            _keep(self._doubted, (event.garage_id, event.lane_id), passed)
        elif event.plate.readable:
            _keep(self._of_cars, (event.garage_id, event.plate.number), passed)
            _keep(self._of_lanes, (event.garage_id, event.lane_id), passed)

    def forget(self, event: GateEvent) -> None:
        """The car went back: what is read of it next is another approach."""
        self._of_cars.pop((event.garage_id, event.plate.number), None)
        self._of_lanes.pop((event.garage_id, event.lane_id), None)
        self._doubted.pop((event.garage_id, event.lane_id), None)

    async def _stands(self, passed: Passed) -> bool:
        """Whether the passage holds good, as far as that can be known at once."""
        event = passed.event
        if passed.reason in NOT_YET_BOOKED:
            return True
        stands = await self._inside(event) is not (event.kind is not Kind.ENTRY)
        if not stands:
            self.forget(event)
        return stands

    async def _inside(self, event: GateEvent) -> bool | None:
        """Whether a car of that number is inside; ``None`` where the live store does not say."""
        return await at_once(self._is_inside(event.garage_id, event.plate.number))


def _same_way(one: GateEvent, other: GateEvent) -> bool:
    return (one.lane_id, one.kind) == (other.lane_id, other.kind)


def _one_passage(last: Passed, event: GateEvent, now: datetime) -> bool:
    """Whether two cameras of a lane have seen one car, which one of them has read slightly differently."""
    if not _same_way(last.event, event) or abs(now - last.at) > RULES.passage:
        return False
    far = distance(last.event.plate.number, event.plate.number)
    return far is not None and far <= RULES.distance_max


def _keep(known: OrderedDict[tuple[str, str], Passed], key: tuple[str, str], passed: Passed) -> None:
    known[key] = passed
    known.move_to_end(key)
    if len(known) > REMEMBERED_MAX:
        known.popitem(last=False)
