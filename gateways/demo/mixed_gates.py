"""All gates of a day: each lane has its own kind, and a reader of codes besides."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from typing_extensions import override

from gateways.demo.gates import Gates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateways.demo.code_readers import CodeReaders
    from gateways.demo.gates import GateAnswer
    from parking.event import GateEvent
    from parking.ids import GarageId, LaneId

    Lane = tuple[GarageId, LaneId]

__all__ = ["MixedGates"]


class MixedGates(Gates):
    """Several kinds of gates, each at lanes of its own, with readers of codes at all of them."""

    def __init__(self, by_lane: Mapping[Lane, Gates], readers: CodeReaders) -> None:
        self._by_lane = by_lane
        self.readers = readers
        self._kinds: dict[int, Gates] = {id(one): one for one in (*by_lane.values(), readers)}
        self.stride = min(one.stride for one in self._kinds.values())

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
        if self.readers.is_for(event):
            return self.readers
        return self._by_lane[event.garage_id, event.lane_id]
