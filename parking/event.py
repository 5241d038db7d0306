"""What a gate reports: one vehicle seen by one lane at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from hashlib import blake2b
from typing import TYPE_CHECKING

from parking.clock import to_ms
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

    from parking.ids import EventId, GarageId, LaneId
    from parking.plate import Plate

__all__ = ["IMAGE_REFERENCE_MAX", "Candidate", "GateEvent", "Kind"]

IMAGE_REFERENCE_MAX = 256
"""Characters."""


@unique
class Kind(StrEnum):
    """What the vehicle did."""

    ENTRY = "entry"
    EXIT = "exit"
    TURN_BACK = "turn_back"
    """It came to the barrier and went back the way it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Another reading of the same plate, as the camera offers it."""

    number: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEvent:
    """One event as parsed from a controller's message.

    ``captured_at`` is the device's time, aware; ``confidence`` is the camera's, 0 to 1. ``offline``
    marks history: the vehicle has long passed, so no barrier may move for it.
    """

    event_id: EventId
    garage_id: GarageId
    lane_id: LaneId
    kind: Kind
    captured_at: datetime
    plate: Plate
    confidence: float
    candidates: tuple[Candidate, ...] = ()
    offline: bool = False
    clock_wrong: bool = False
    """The device's clock is wrong by more than may be put right: ``captured_at`` prices nothing."""
    grant_token: str = ""
    """The signed grant on which a cut-off garage let the vehicle out; history only."""
    token_digest: str = ""
    """Of the token that was shown in place of a plate, whose name ``plate`` is."""
    image_reference: str = ""
    """By which the controller's picture of it is found."""
    captured_ms: int = field(init=False, repr=False, compare=False)
    """The same moment, as it is written everywhere."""
    _digest: str = field(default="", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.captured_at.tzinfo is None:
            raise InvalidInput("captured_at needs an offset", ("captured_at",))
        if not 0 <= self.confidence <= 1:
            raise InvalidInput("confidence is 0 to 1", ("confidence",))
        object.__setattr__(self, "captured_ms", to_ms(self.captured_at))

    @property
    def confidence_permille(self) -> int:
        """The confidence as it is compared with a garage's bar."""
        return round(self.confidence * 1000)

    def digest(self) -> str:
        """16 hex digits over the content: equal for a re-sent event, different for another body.

        No part of that is where its picture is found, which a controller may store anew, nor that it was kept
        while a line was down and on which grant the vehicle left then: it may have come through live before.
        """
        if self._digest:
            return self._digest
        plate = self.plate
        candidates = "".join([f"{one.number}={one.confidence!r}\x1f" for one in self.candidates])
        content = (
            f"{self.lane_id}\x1f{self.kind}\x1f{self.captured_ms}\x1f{plate.number}\x1f{plate.colour}\x1f"
            f"{self.confidence!r}\x1f{candidates}live{self.token_digest}"
        )
        digest = blake2b(content.encode(), digest_size=8).hexdigest()
        object.__setattr__(self, "_digest", digest)
        return digest
