"""The gates of a day, whatever they speak: they hear what happened in one way, and say it in their own.

Each lane has one gate. Cars happen to lanes; how an event is written, who answers, and what opens the barrier
are the gate's affair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parking.decision import Reason, Verdict
    from parking.event import GateEvent

__all__ = ["GateAnswer", "Gates"]

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
