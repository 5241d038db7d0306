"""A garage as its gates see it: lanes, price list, and the policies of its operator."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum, unique
from typing import TYPE_CHECKING

from parking.language import Language

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parking.ids import GarageId, LaneId
    from parking.tariff import TariffSchedule

__all__ = ["Barrier", "Direction", "Garage", "LeaveFirst", "Policy"]


@unique
class Direction(StrEnum):
    """Which way a lane runs."""

    ENTRY = "entry"
    EXIT = "exit"
    BOTH = "both"


@unique
class Barrier(StrEnum):
    """What a barrier does when the engine cannot tell."""

    OPEN = "open"
    HOLD = "hold"


@unique
class LeaveFirst(StrEnum):
    """Who may leave before paying."""

    GRANTED_ONLY = "granted_only"
    """Only drivers whose account vouches for them."""
    EVERYONE = "everyone"
    """Everybody, up to ``Policy.everyone_limit_fen``; who has no account owes the fee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """An operator's choices; the defaults keep traffic moving and charge nobody on a doubt."""

    leave_first: LeaveFirst = LeaveFirst.GRANTED_ONLY
    everyone_limit_fen: int = 10_000
    outage: Barrier = Barrier.OPEN
    """Without an answer from the live store within the deadline."""
    no_entry: Barrier = Barrier.HOLD
    """A car at the exit that was never seen entering."""
    low_confidence: Barrier = Barrier.OPEN
    """A read at the exit below ``confidence_bar_permille``; it is not charged until a person confirms."""
    confidence_bar_permille: int = 700
    match_misreads: bool = True
    """Whether an exit on an unsure read ends the session of the car inside that it can only have been."""
    duplicate_entry_within: timedelta = timedelta(minutes=15)
    """A second entry of a car inside within this time is the same entry read twice."""
    turn_back_within: timedelta = timedelta(minutes=15)
    """How long after it passed a car may still turn back."""
    language: Language | None = None
    """What drivers are told in at all lanes, unless they chose another; none: what each lane speaks."""
    prepaid_exit_within: timedelta = timedelta(minutes=15)
    """After paying inside, the time to reach the exit without owing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Garage:
    """One garage; ``spaces`` is its capacity in vehicles."""

    garage_id: GarageId
    name: str
    spaces: int
    lanes: Mapping[LaneId, Direction]
    tariffs: TariffSchedule
    policy: Policy = field(default_factory=Policy)
