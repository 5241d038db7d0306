"""The gates of a day, whatever they speak: they hear what happened in one way, and say it in their own.

Each lane has one gate. Cars happen to lanes; how an event is written, who answers, and what opens the barrier
are the gate's affair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parking.decision import Reason, Verdict
    from parking.event import GateEvent
    from parking.ids import GarageId, LaneId

    Lane = tuple[GarageId, LaneId]

__all__ = ["GateAnswer", "Gates", "MixedGates"]

STRIDE: Final = timedelta(seconds=40)
"""Well within the two minutes after which an event is history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """What a gate was told; ``reason`` is None where it only learns whether to open."""

    verdict: Verdict
    reason: Reason | None
    session_id: str | None = None
    amount_fen: int = 0
    owed_fen: int = 0
    reference: str = ""
    """Of a debtor: what is owed for earlier stays, and what to pay it by."""
    replayed: bool = False
    seconds: float = 0.0
    """From sending to the answer; of a batch, all of it."""
    named: bool = True
    """Whether the archive knows the event by the name that it has in the plan."""


class Gates(ABC):
    """Gates that speak one protocol."""

    stride: timedelta = STRIDE
    """How far the clock may run ahead of what they have not answered."""

    @abstractmethod
    async def until_known(self) -> None:
        """Wait until our side knows each of them."""

    def told(self, event: GateEvent) -> GateEvent | None:
        """As much of an event as its gate can say; None for what it has no way to say."""
        return event

    @abstractmethod
    async def report(self, event: GateEvent) -> GateAnswer:
        """Say an event, until it is answered."""

    @abstractmethod
    async def deliver(self, events: Sequence[GateEvent]) -> list[GateAnswer]:
        """Say what was kept while the line was down, until all of it is answered."""


class MixedGates(Gates):
    """Several kinds of gates, each at lanes of its own."""

    def __init__(self, by_lane: Mapping[Lane, Gates]) -> None:
        self._by_lane = by_lane
        self._kinds = {id(one): one for one in by_lane.values()}
        self.stride = min(one.stride for one in by_lane.values())

    @override
    async def until_known(self) -> None:
        for gates in self._kinds.values():
            await gates.until_known()

    @override
    def told(self, event: GateEvent) -> GateEvent | None:
        return self._at(event).told(event)

    @override
    async def report(self, event: GateEvent) -> GateAnswer:
        return await self._at(event).report(event)

    @override
    async def deliver(self, events: Sequence[GateEvent]) -> list[GateAnswer]:
        places: defaultdict[int, list[int]] = defaultdict(list)
        for place, event in enumerate(events):
            places[id(self._at(event))].append(place)
        answers: dict[int, GateAnswer] = {}
        for kind, where in places.items():
            told = await self._kinds[kind].deliver([events[place] for place in where])
            answers |= zip(where, told, strict=True)
        return [answers[place] for place in range(len(events))]

    def _at(self, event: GateEvent) -> Gates:
        return self._by_lane[event.garage_id, event.lane_id]
