"""Who waits at a barrier for money, lane by lane: the last car of a lane, if it was held for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from parking.foresight import HELD_FOR_MONEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from parking.decision import Decision
    from parking.event import GateEvent
    from parking.ids import GarageId, LaneId

    Lane = tuple[GarageId, LaneId]

__all__ = ["Held", "Listener", "Waiting"]

WAITS_FOR_S: Final = 900.0
"""After this nobody stands at a barrier any more, and the car is told nothing unasked."""


class Listener(Protocol):
    """A controller that hears what changes."""

    def push(self, text: str) -> None:
        """Send a message when there is room; one that finds none is dropped."""
        ...


@dataclass(slots=True)
class Held:
    """A car at a lane, what was said last about it, and who is to be told of a change."""

    event: GateEvent
    told: Decision
    listener: Listener
    since: float


class Waiting:
    """``time`` is the loop's; one car a lane, so it is bounded by the lanes of all garages."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._lanes: dict[Lane, Held] = {}

    def note(self, event: GateEvent, decision: Decision, listener: Listener) -> None:
        """A lane's car was answered; whoever stood there before does not any more."""
        if event.offline:
            return
        lane = event.garage_id, event.lane_id
        if decision.reason in HELD_FOR_MONEY:
            self._lanes[lane] = Held(event, decision, listener, self._time())
        elif lane in self._lanes:
            del self._lanes[lane]

    def of(self, garage_id: GarageId, number: str) -> list[Held]:
        """The lanes where this car waits."""
        return [
            held
            for held in self.all()
            if held.event.plate.number == number and held.event.garage_id == garage_id
        ]

    def all(self) -> list[Held]:
        """Every car that waits; those that have waited too long are forgotten."""
        begin = self._time() - WAITS_FOR_S
        self._lanes = {lane: held for lane, held in self._lanes.items() if held.since > begin}
        return list(self._lanes.values())

    def forget(self, listener: Listener) -> None:
        """It hears nothing any more."""
        self._lanes = {lane: held for lane, held in self._lanes.items() if held.listener is not listener}
