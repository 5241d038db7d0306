"""What is known of a barrier: why it was told to open, what the device said, and what passed below it.

A barrier that was told to open has not opened yet. The device may accept the command and be locked, refuse
it, or not be reached, and only a sensor knows that something moved: each is a different word here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from parking.clock import to_ms
from parking.ids import ControllerId, GarageId, LaneId

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["BarrierAct", "BarrierRecord", "GateOutcome"]

NAMESPACE = UUID("0d2c0b53-6a5f-5f0e-8a39-8f2d6c1b7e44")
SAID_MAX = 200


@unique
class BarrierAct(StrEnum):
    """What happened."""

    OPEN = "open"
    """We told the barrier to open."""
    OPENED_ITSELF = "opened_itself"
    """The device opened it from its own list, while it was cut off."""
    PASSED = "passed"
    TAILGATED = "tailgated"
    """A second vehicle passed with the first: a person looks at it."""
    STAYED = "stayed"
    """Something stands below the barrier."""
    CLEARED = "cleared"


@unique
class GateOutcome(StrEnum):
    """What became of a command."""

    TOLD = "told"
    """It went out in the answer to the device, which says nothing of what it does with it."""
    ACCEPTED = "accepted"
    """The device took the command; whether the barrier moved is not known."""
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    MOVED = "moved"
    """A sensor saw it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarrierRecord:
    """One line; ``said`` is the device's own word for it, without any plate.

    ``event_id`` and ``reason`` are those of the decision behind a command, empty where there is none.
    """

    garage_id: GarageId
    lane_id: LaneId
    controller_id: ControllerId
    at: datetime
    act: BarrierAct
    outcome: GateOutcome
    event_id: str = ""
    reason: str = ""
    command: str = ""
    said: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "said", self.said[:SAID_MAX])

    @property
    def record_id(self) -> UUID:
        """The same for the same fact, however often it is written down."""
        facts = (self.garage_id, self.lane_id, self.controller_id, to_ms(self.at), self.act, self.outcome)
        return uuid5(NAMESPACE, "\x1f".join(map(str, (*facts, self.event_id, self.command))))
