"""A day on which a garage's uplink is down for hours: what it means to say becomes a backlog.

The lanes stay open and let everybody pass. What they saw is delivered when the line is back, in any
order, and partly twice. Pure and seeded.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from gateways.demo.steps import Deliver, Report, Settle, Step
from gateways.demo.traffic import DAY
from parking.event import Kind

if TYPE_CHECKING:
    from collections.abc import Collection
    from random import Random

    from gateways.demo.plan import Plan
    from parking.event import GateEvent
    from parking.ids import LaneId

__all__ = ["BACK_AT", "delivered_later", "with_outage"]

BACK_AT: Final = DAY + timedelta(hours=18.5)
"""When the line is back: in the busiest hour, before attendants turn to the review list."""
NOT_LIVE_AFTER: Final = timedelta(minutes=3)
TWICE_OF: Final = 10
"""One in so many is delivered twice."""


def with_outage(plan: Plan, lasts: timedelta, chance: Random) -> Plan:
    """The same day with the first garage's uplink down for so long before :data:`BACK_AT`.

    Only what is kept of a car that turned back comes in its own order: a turn-back that comes before its
    entry undoes nothing, and the car would stay inside as far as the books know.
    """
    garage_id, began_at = plan.garages[0], BACK_AT - lasts
    kept: list[tuple[int | None, GateEvent]] = []
    steps: list[Step] = []
    for step in plan.steps:
        events = _events(step)
        if began_at <= step.at < BACK_AT and events and events[0].garage_id == garage_id:
            kept += [(step.car, replace(event, offline=True)) for event in events]
        else:
            steps.append(step)
    turned_back = {car for car, event in kept if event.kind is Kind.TURN_BACK}
    any_order = [event for car, event in kept if car not in turned_back]
    any_order += chance.sample(any_order, len(any_order) // TWICE_OF)
    chance.shuffle(any_order)
    stories: defaultdict[int | None, list[GateEvent]] = defaultdict(list)
    for car, event in sorted(kept, key=lambda one: one[1].captured_at):
        if car in turned_back:
            stories[car].append(event)
    one_by_one = [tuple(filter(None, events)) for events in zip_longest(*stories.values())]
    delivered = [tuple(any_order), *one_by_one]
    steps += [Step(at=BACK_AT, car=None, act=Deliver(events=events)) for events in delivered]
    steps.append(Step(at=BACK_AT, car=None, act=Settle()))
    return replace(plan, steps=tuple(sorted(steps, key=lambda step: step.at)))


def delivered_later(plan: Plan, lanes: Collection[LaneId]) -> Plan:
    """The same day where what these lanes kept comes so late that nobody can take it for live.

    Their gates do not say that they kept it: what is younger than the time after which an event is history
    would open, for a car that has left.
    """
    steps = [
        replace(step, at=step.at + NOT_LIVE_AFTER)
        if isinstance(step.act, Deliver) and {event.lane_id for event in step.act.events} & set(lanes)
        else step
        for step in plan.steps
    ]
    return replace(plan, steps=tuple(sorted(steps, key=lambda step: step.at)))


def _events(step: Step) -> tuple[GateEvent, ...]:
    match step.act:
        case Report(event=event, times=times):
            return (event,) * times
        case Deliver(events=events):
            return events
        case _:
            return ()
