"""The day as a list of steps: every event of every car, and what people do besides.

Pure: the same seed gives the same day. What only the answers can decide is not in it: a driver who is held
for money pays and comes to the camera again, and that the player sees to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Final

from gateways.demo.car import Car
from gateways.demo.drivers import (
    WITHOUT_PLATE,
    Driver,
    Incident,
    deal,
    misread,
    misread_alike,
    plates,
    registration,
)
from gateways.demo.privileges import passes_of, steps_besides, with_privileges
from gateways.demo.steps import Deliver, Report, Resolve, Settle, Step
from gateways.demo.traffic import DAY, EVE, SPACES, visits_of_a_day
from parking.event import GateEvent, Kind
from parking.garage import Direction
from parking.ids import EventId, GarageId, LaneId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from random import Random

    from gateways.demo.drivers import Registration
    from gateways.demo.privileges import SharedPass
    from gateways.demo.steps import Act

__all__ = ["CUT_OFF_LANE", "LANES", "OUTAGES", "Plan", "plan_day"]

LANES: Final = {
    **{LaneId(f"in-{number}"): Direction.ENTRY for number in range(1, 5)},
    **{LaneId(f"out-{number}"): Direction.EXIT for number in range(1, 5)},
}
ENTRIES: Final = [lane for lane, direction in LANES.items() if direction is Direction.ENTRY]
EXITS: Final = [lane for lane, direction in LANES.items() if direction is Direction.EXIT]
CUT_OFF_LANE: Final = EXITS[1]
OUTAGES: Final = tuple(
    (DAY + timedelta(hours=hour), DAY + timedelta(hours=hour, minutes=12)) for hour in (12.6, 15.8, 19.4)
)
"""When that lane's line is down. It opens by itself, and delivers its events afterwards."""

SURE: Final = (0.90, 0.999)
UNSURE: Final = (0.35, 0.65)
READ_AGAIN_AFTER: Final = timedelta(seconds=4)
SENT_AGAIN_AFTER: Final = timedelta(minutes=5)
LATE_BY: Final = timedelta(minutes=6)
RESOLVED_AT: Final = DAY + timedelta(hours=23)
"""When attendants turn to what is left on the review list, or so long after it as the next line says."""
RESOLVED_AFTER: Final = timedelta(minutes=31)
"""Longer than from one settlement to the next: the reading is on the list by then, on a busy machine too."""
TURNS_BACK_AFTER: Final = timedelta(seconds=50)
SETTLED_WITHIN: Final = timedelta(minutes=6)
SETTLED_NEAR: Final = timedelta(minutes=5)
"""Together with the one above less than the time from exit to charge."""
TOLD_AFTER: Final = timedelta(minutes=21)
STAYED_YESTERDAY: Final = timedelta(hours=1, minutes=50)
STAYS_ON: Final = timedelta(minutes=40)
SETTLE_EVERY: Final = timedelta(minutes=29)
"""Shorter than the free minutes: nobody owes anything before the grant has had time to arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole day."""

    garages: tuple[GarageId, ...]
    cars: tuple[Car, ...]
    registrations: tuple[Registration, ...]
    passes: tuple[SharedPass, ...]
    steps: tuple[Step, ...]
    waited: int
    """How many cars found the garage full at first."""


def plan_day(*, vehicles: int, garages: int, chance: Random, spaces: int = SPACES) -> Plan:
    """A day of ``vehicles`` cars over ``garages`` complexes of so many ``spaces`` each."""
    names = tuple(GarageId(f"complex-{number}") for number in range(1, garages + 1))
    cars = with_privileges(list(_cars(vehicles, names, spaces, chance)), OUTAGES)
    steps = [step for garage_id in names for step in _steps_of(garage_id, cars, chance)]
    steps = _with_settlements(steps)
    steps.sort(key=lambda step: step.at)
    registrations = (registration(car.place, car.driver, car.plate) for car in cars)
    return Plan(
        garages=names,
        cars=tuple(cars),
        registrations=tuple(one for one in registrations if one is not None),
        passes=tuple(passes_of(cars)),
        steps=tuple(steps),
        waited=sum(car.visit.waited > timedelta() for car in cars),
    )


def _cars(vehicles: int, garages: tuple[GarageId, ...], spaces: int, chance: Random) -> Iterator[Car]:
    kinds = deal(vehicles, chance)
    numbers = plates(vehicles, chance)
    places = count()
    for turn, garage_id in enumerate(garages):
        share = len(range(turn, vehicles, len(garages)))
        for visit in visits_of_a_day(share, spaces, chance):
            place = next(places)
            yield Car(
                place=place,
                garage_id=garage_id,
                plate=numbers[place],
                driver=kinds[place][0],
                incident=kinds[place][1],
                visit=visit,
            )


def _steps_of(garage_id: GarageId, cars: list[Car], chance: Random) -> Iterator[Step]:
    """Everything that happens at one garage, in no order."""
    delivered: dict[datetime, list[GateEvent]] = {until: [] for _, until in OUTAGES}
    for car in cars:
        if car.garage_id != garage_id:
            continue
        writer = _Writer(car, chance)
        yield from writer.yesterday()
        until = next((end for start, end in OUTAGES if start <= car.visit.left_at < end), None)
        if until is not None and car.incident is Incident.NOTHING and chance.randrange(2):
            yield writer.entry()
            gone = replace(writer.event(Kind.EXIT, car.visit.left_at), lane_id=CUT_OFF_LANE, offline=True)
            delivered[until].append(gone)
        else:
            yield from writer.story()
    for until, events in delivered.items():
        if events:
            events.sort(key=lambda event: event.captured_at)
            yield Step(at=until, car=None, act=Deliver(events=tuple(events)))


class _Writer:
    """Writes the story of one car."""

    def __init__(self, car: Car, chance: Random) -> None:
        self._car = car
        self._chance = chance
        self._numbers = count(1)

    def event(self, kind: Kind, at: datetime, lane_id: LaneId | None = None) -> GateEvent:
        """The next event of the car, surely read."""
        lanes = ENTRIES if kind is Kind.ENTRY else EXITS
        event_id = EventId(f"{self._car.place}-{next(self._numbers)}")
        return GateEvent(
            event_id=event_id,
            garage_id=self._car.garage_id,
            lane_id=lane_id or self._chance.choice(lanes),
            kind=kind,
            captured_at=at,
            plate=self._car.plate,
            confidence=round(self._chance.uniform(*SURE), 3),
            image_reference=f"{event_id}.jpg" if self._car.driver in WITHOUT_PLATE else "",
        )

    def yesterday(self) -> Iterator[Step]:
        """The visit that a debtor owes for since the day before."""
        if self._car.driver is Driver.DEBTOR:
            came_at = self._car.visit.entered_at - EVE
            yield self._step(self.event(Kind.ENTRY, came_at))
            yield self._step(self.event(Kind.EXIT, came_at + STAYED_YESTERDAY))

    def entry(self) -> Step:
        """It comes in."""
        return self._came(self.event(Kind.ENTRY, self._car.visit.entered_at))

    def _came(self, event: GateEvent) -> Step:
        owes = self._car.driver is Driver.DEBTOR
        return self._step_of(event.captured_at, Report(event=event, once_charged=owes))

    def story(self) -> Iterator[Step]:
        """From entry to exit, with what comes between."""
        came = self.event(Kind.ENTRY, self._car.visit.entered_at)
        left_at = self._car.visit.left_at
        match self._car.incident:
            case Incident.TURNED_BACK_AT_ENTRY:
                yield self._step(came)
                yield self._step(
                    self.event(Kind.TURN_BACK, came.captured_at + TURNS_BACK_AFTER, came.lane_id)
                )
            case Incident.NEVER_LEFT:
                yield self._step(came)
            case Incident.READ_TWICE:
                yield self._step(came)
                yield self._step(self.event(Kind.ENTRY, came.captured_at + READ_AGAIN_AFTER, came.lane_id))
                yield self._step(self.event(Kind.EXIT, left_at))
            case Incident.SENT_TWICE:
                yield self._step(came, times=2)
                yield self._step(self.event(Kind.EXIT, left_at), times=2)
            case _:
                yield self._came(came)
                yield from steps_besides(self._car, came)
                yield from self._exit(self.event(Kind.EXIT, left_at))

    def _exit(self, left: GateEvent) -> Iterator[Step]:
        at = left.captured_at
        match self._car.incident:
            case Incident.MISREAD | Incident.MISREAD_ALIKE as incident:
                read_as = misread if incident is Incident.MISREAD else misread_alike
                unsure = replace(
                    left,
                    plate=read_as(left.plate, self._chance),
                    confidence=round(self._chance.uniform(*UNSURE), 3),
                )
                yield self._step(unsure)
                yield self._step_of(
                    max(RESOLVED_AT, at + RESOLVED_AFTER), Resolve(event=unsure, plate=left.plate)
                )
            case Incident.TURNED_BACK_AT_EXIT:
                yield self._step(left)
                back = self._back(left)
                yield self._step(back)
                yield self._away(back)
                # Before it is collected: whether this becomes a credit or a refund must not be luck.
                yield Step(at=at + TURNS_BACK_AFTER + SETTLED_WITHIN, car=None, act=Settle())
            case Incident.TURNED_BACK_TOLD_LATE:
                yield self._step(left)
                back = self._back(left)
                told_late = Report(event=back, once_charged=True)
                yield self._step_of(at + TOLD_AFTER, told_late)
                yield self._away(back)
                # Whether the stay that goes on has its grant again must not be luck either.
                yield Step(at=at + TOLD_AFTER + SETTLED_WITHIN, car=None, act=Settle())
            case Incident.SENT_AGAIN:
                yield self._step(left)
                yield self._step_of(at + SENT_AGAIN_AFTER, Report(event=left))
            case Incident.DELIVERED_LATE:
                yield self._step_of(at + LATE_BY, Report(event=left))
            case _:
                yield self._step(left)

    def _back(self, left: GateEvent) -> GateEvent:
        return self.event(Kind.TURN_BACK, left.captured_at + TURNS_BACK_AFTER, left.lane_id)

    def _away(self, back: GateEvent) -> Step:
        return self._step(self.event(Kind.EXIT, back.captured_at + STAYS_ON))

    def _step(self, event: GateEvent, *, times: int = 1) -> Step:
        return self._step_of(event.captured_at, Report(event=event, times=times))

    def _step_of(self, at: datetime, act: Act) -> Step:
        return Step(at=at, car=self._car.place, act=act)


def _with_settlements(steps: list[Step]) -> list[Step]:
    """One at the end of each interval in which anything happened, and where a car asked for one near none."""
    passed = {(step.at - DAY) // SETTLE_EVERY + 1 for step in steps}
    regular = [DAY + one * SETTLE_EVERY for one in sorted(passed)]
    kept = [step for step in steps if not (isinstance(step.act, Settle) and _is_near(step.at, regular))]
    return kept + [Step(at=at, car=None, act=Settle()) for at in regular]


def _is_near(at: datetime, regular: list[datetime]) -> bool:
    return any(abs(at - one) <= SETTLED_NEAR for one in regular)
