"""What settlement has to do with the gate processes: whom they hear, and what they are asked to open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parking.live.heard import heard_of
from parking.live.openings import open_and_wait

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parking.barrier import GateOutcome
    from parking.ids import ControllerId, GarageId
    from parking.live.batching import BatchingConnection
    from parking.live.heard import Heard
    from parking.live.openings import Opening

__all__ = ["GateLine"]


class GateLine:
    """Over one connection to the live store."""

    def __init__(self, live: BatchingConnection) -> None:
        self._live = live

    async def heard(
        self, keys: Sequence[tuple[GarageId, ControllerId]]
    ) -> dict[tuple[GarageId, ControllerId], Heard]:
        """When some controllers were heard of."""
        return await heard_of(self._live, keys)

    async def open(self, opening: Opening, *, claimed_within_s: float) -> tuple[GateOutcome, str] | None:
        """Have a barrier opened, and wait for what becomes of it; ``None`` when no gate can."""
        return await open_and_wait(self._live, opening, claimed_within_s=claimed_within_s)
