"""Cars that a device's lane holds for money, for devices that ask whether there is anything to do.

A driver who pays at the barrier should not have to be read anew. While his car is the last one that the lane
has seen, every question of its device looks whether it may leave now, with nothing written; if so the car is
reported once more, and that answer opens.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from parking.decision import Verdict
from parking.errors import DependencyError
from parking.foresight import HELD_FOR_MONEY, foresee
from parking.ids import EventId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from parking.clock import Clock
    from parking.decision import Decision
    from parking.event import GateEvent
    from parking.garage import Garage
    from parking.ids import ControllerId, GarageId, LaneId
    from parking.live.sessions import Sessions

    Key = tuple[GarageId, ControllerId]

__all__ = ["HeldCars"]

DEVICES_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Held:
    """A car that waits; ``reported`` counts how often."""

    event: GateEvent
    reported: int


class HeldCars:
    """The last car of each lane of a device, where it is held for money for no longer than ``waits``."""

    def __init__(
        self,
        sessions: Sessions,
        garages: Callable[[], Mapping[GarageId, Garage]],
        clock: Clock,
        *,
        waits: timedelta,
    ) -> None:
        self._sessions = sessions
        self._garages = garages
        self._clock = clock
        self._waits = waits
        self._held: OrderedDict[Key, dict[LaneId, Held]] = OrderedDict()

    def note(self, device: Key, event: GateEvent, decision: Decision) -> None:
        """The lane has seen another car, or this one again."""
        held = self._held.pop(device, {})
        held.pop(event.lane_id, None)
        if decision.verdict is Verdict.HOLD and decision.reason in HELD_FOR_MONEY:
            held[event.lane_id] = Held(event, reported=1)
        if held:
            self._held[device] = held
            if len(self._held) > DEVICES_MAX:
                self._held.popitem(last=False)

    async def released(self, device: Key) -> GateEvent | None:
        """The held car to report once more, where one may leave now."""
        for lane_id, held in list(self._held.get(device, {}).items()):
            if await self._may_leave(held.event):
                return self._again(device, lane_id, held)
        return None

    def _again(self, device: Key, lane_id: LaneId, held: Held) -> GateEvent | None:
        """The car once more, unless another question has looked at the same moment."""
        of_lanes = self._held.get(device, {})
        if of_lanes.get(lane_id) is not held:
            return None
        again = of_lanes[lane_id] = Held(held.event, reported=held.reported + 1)
        return _reported(again, self._clock)

    async def _may_leave(self, event: GateEvent) -> bool:
        garage, now = self._garages().get(event.garage_id), self._clock.now()
        if garage is None or now - event.captured_at > self._waits:
            return False
        try:
            decision = await foresee(self._sessions, event, garage, now)
        except DependencyError:
            return False
        return decision is not None and decision.verdict is Verdict.OPEN


def _reported(held: Held, clock: Clock) -> GateEvent:
    """The same car, now; a report of its own, because the first is answered for good."""
    event_id = EventId(f"{held.event.event_id}-{held.reported}")
    return replace(held.event, event_id=event_id, captured_at=clock.now())
