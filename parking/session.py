"""One stay of one vehicle in one garage.

A session is live and changes; the bill made of it does not. Each closing of a session is a *version*:
a car that leaves, turns back at the barrier and leaves again closes its session twice, and only the
second closing is billed in the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from parking.benefits import Benefits
    from parking.ids import AccountId, EventId, GarageId, LaneId, SessionId, TariffVersionId
    from parking.plate import Plate
    from parking.price_facts import PriceChange
    from parking.pricing import Visit

__all__ = ["TRANSITIONS", "Session", "State", "Step", "charged_until"]


@unique
class State(StrEnum):
    """Where the vehicle is, as far as the gates know."""

    NONE = "none"
    INSIDE = "inside"
    CLOSED = "closed"
    VOIDED = "voided"
    """It turned back at the entry: it never parked."""
    SUPERSEDED = "superseded"
    """The same plate entered again although no exit was seen: a person looks at it."""


@unique
class Step(StrEnum):
    """What moves a session from one state to the next."""

    ENTERED = "entered"
    LEFT = "left"
    ENTRY_UNDONE = "entry_undone"
    EXIT_UNDONE = "exit_undone"
    SUPERSEDED = "superseded"
    RESUMED = "resumed"
    """The entry that had displaced it was none: the gate had stayed shut."""


TRANSITIONS: Final[dict[tuple[State, Step], State]] = {
    (State.NONE, Step.ENTERED): State.INSIDE,
    (State.INSIDE, Step.LEFT): State.CLOSED,
    (State.INSIDE, Step.ENTRY_UNDONE): State.VOIDED,
    (State.INSIDE, Step.SUPERSEDED): State.SUPERSEDED,
    (State.CLOSED, Step.EXIT_UNDONE): State.INSIDE,
    (State.SUPERSEDED, Step.LEFT): State.CLOSED,
    (State.SUPERSEDED, Step.RESUMED): State.INSIDE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What is known of a stay when a record about it is written.

    ``version`` counts the closings so far (0 while inside for the first time), and a displacement that was
    undone as one. ``account_id`` is the
    account whose grant the session holds. ``left_at`` is ``None`` while inside. A driver who paid
    ``prepaid_fen`` inside, the last time at ``prepaid_at``, has until ``prepaid_until`` to leave.
    ``benefits`` is ``None`` until settlement has found out what the stay is given. ``earlier`` are the visits
    that this one continues, oldest first; ``changes`` are those of the price list until its end, where
    the list splits stays at them.
    """

    session_id: SessionId
    garage_id: GarageId
    plate: Plate
    entered_at: datetime
    entry_lane_id: LaneId
    entry_event_id: EventId
    tariff_version_id: TariffVersionId
    version: int = 0
    account_id: AccountId | None = None
    prepaid_fen: int = 0
    prepaid_at: datetime | None = None
    prepaid_until: datetime | None = None
    benefits: Benefits | None = None
    earlier: tuple[Visit, ...] = ()
    changes: tuple[PriceChange, ...] = ()
    left_at: datetime | None = None

    def charged_until(self, left_at: datetime) -> datetime:
        """The moment up to which the fee of this stay counts."""
        return charged_until(
            self.entered_at, left_at, prepaid_at=self.prepaid_at, prepaid_until=self.prepaid_until
        )


def charged_until(
    entered_at: datetime, left_at: datetime, *, prepaid_at: datetime | None, prepaid_until: datetime | None
) -> datetime:
    """The moment up to which a fee counts: that of the payment, if the driver then left in time."""
    if prepaid_at is not None and prepaid_until is not None and left_at <= prepaid_until:
        return max(entered_at, min(prepaid_at, left_at))
    return left_at
