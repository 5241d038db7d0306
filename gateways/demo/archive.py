"""What the archive has of what cameras saw: by lane and moment, as it has other names for their records.

So does whoever asks whether something that nobody acknowledges has arrived.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from parking.event import Kind
from parking.ids import GarageId, LaneId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateways.demo.stack import Stack
    from gateways.demo.tally import Sighting
    from parking.event import GateEvent

__all__ = ["Archive", "sighting_of"]

ARCHIVED_SECONDS: Final = 120.0
LOOK_EVERY_SECONDS: Final = 0.2
SECOND: Final = timedelta(seconds=1)


def sighting_of(archived: Mapping[str, Any]) -> Sighting:
    """Which garage, lane, kind and moment a line of ``leave-first export events`` is about."""
    return (
        GarageId(archived["garage_id"]),
        LaneId(archived["lane_id"]),
        Kind(archived["kind"]),
        datetime.fromisoformat(archived["captured_at"]),
    )


class Archive:
    """Read as an operator would, by the command line of ``stack``."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    async def until_has(self, events: Sequence[GateEvent]) -> None:
        """Wait until all of these are archived."""
        missing = {(one.garage_id, one.lane_id, one.kind, one.captured_at) for one in events}
        if not missing:
            return
        moments = [one.captured_at for one in events]
        async with asyncio.timeout(ARCHIVED_SECONDS):
            while True:
                missing -= await self._sightings(min(moments), max(moments))
                if not missing:
                    return
                await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _sightings(self, first: datetime, last: datetime) -> set[Sighting]:
        span = "--since", _second(first), "--until", _second(last + SECOND)
        _, lines = await self._stack.command("export", "events", *span)
        return {sighting_of(json.loads(line)) for line in lines.splitlines()}


def _second(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
