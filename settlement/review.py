"""An item that waits for a person: what happened, what was found out, and how it was settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Any, Final

from parking.event import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parking.ids import EventId, GarageId, Partition

__all__ = ["EVENT", "FIRST_PLACE", "NOBODY", "Place", "Resolution", "ReviewItem", "item_id_of"]


@unique
class Resolution(StrEnum):
    """How an item was settled, by a person or by a rule."""

    DISMISS = "dismiss"
    MATCH = "match"
    """The event belongs to a session, which was closed by it."""
    CONFIRM = "confirm"
    """The plate was read rightly: its driver is charged."""
    PAID = "paid"
    """The rail has moved the money of the charge."""
    DECLINED = "declined"
    """It has not, and will not."""
    RETRY = "retry"
    """What the books had refused was sent to them once more."""
    CORRECT = "correct"
    """The bill that it was about was corrected."""
    CANDIDATE = "candidate"
    """A reading that the camera offered is that of one car inside, whose session was closed by it."""
    FUZZY = "fuzzy"
    """One car inside has nearly the number that was read; its session was closed by it."""
    REORDERED = "reordered"
    """Once all passages of its car were known, it belonged to a stay."""
    TAKEN_BACK = "taken_back"
    """The entry that displaced the stay was none, so its exit was not missed."""
    OPPOSITE_CAMERA = "opposite_camera"
    """Another camera had read the same passage surely: there was nothing left to do."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A place in the order of items."""

    opened_at: datetime
    item_id: str


EVENT: Final = "event:"
"""How the ids of items begin that are about an archived event."""
NOBODY: Final = "leave-first"
"""Who settled an item, or corrected a bill, when no person did."""
FIRST_PLACE: Final = Place(opened_at=datetime(1970, 1, 1, tzinfo=UTC), item_id="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """``details`` depend on the cause; ``resolution`` and what follows are ``None`` while it is open.

    ``finding`` is what a rule found out about it, and why it settled nothing; ``None`` while none has looked.
    """

    partition: Partition
    item_id: str
    garage_id: GarageId
    cause: str
    details: Mapping[str, Any]
    finding: Mapping[str, Any] | None
    opened_at: datetime
    resolution: Resolution | None
    resolved_by: str | None
    resolved_at: datetime | None
    note: str | None

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return Place(opened_at=self.opened_at, item_id=self.item_id)

    @property
    def can_match(self) -> bool:
        """Whether it is an exit that ended no session, and open."""
        is_exit = self.item_id.startswith(EVENT) and self.details.get("kind") == Kind.EXIT
        return self.resolution is None and is_exit and self.details.get("session_id") is None


def item_id_of(garage_id: GarageId, event_id: EventId) -> str:
    """The item about an event."""
    return f"{EVENT}{garage_id}/{event_id}"
