"""A grant: may this car leave first, up to what.

Settlement decides it when the car enters and pushes it to the garage's partition of the live store, so
that the exit is decided there without asking anybody. The latest grant wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from parking.benefits import Benefits
    from parking.debt import DebtNotice
    from parking.ids import AccountId
    from parking.language import Language
    from parking.session import Session

__all__ = ["Grant", "GrantReason", "Granted"]


@unique
class GrantReason(StrEnum):
    """Why a grant says what it says."""

    GOOD_STANDING = "good_standing"
    VOUCHED = "vouched"
    """Somebody outside, a city for example, promises to pay."""
    NOT_REGISTERED = "not_registered"
    NO_AGREEMENT = "no_agreement"
    ACCOUNT_SUSPENDED = "account_suspended"
    LEAVE_FIRST_OFF = "leave_first_off"
    """The driver wants to pay at the exit."""
    BINDING_DISPUTED = "binding_disputed"
    """Somebody else claims the plate, and a person has not decided yet."""
    BLOCKED = "blocked"
    """The account or the plate is on a block list."""
    DEBT = "debt"
    """Bills are overdue."""
    TOO_MANY_OPEN = "too_many_open"
    """More bills are open than the policy allows, whatever they add up to."""
    LOW_SCORE = "low_score"
    """A credit score from outside is below what the policy asks for."""
    EXPOSURE = "exposure"
    """What the account already owes leaves no room below its total limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """``limit_fen`` is the highest fee that may be left unpaid at the barrier; 0 when not allowed.

    ``language`` is what the driver has chosen to be told in, if he has.
    """

    allowed: bool
    limit_fen: int
    reason: GrantReason
    expires_at: datetime
    account_id: AccountId | None = None
    language: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What the gates are told of a car inside: its grant, its driver's debts, and what its stay is given.

    ``benefits`` is ``None`` where nobody has found that out: then what the gates know stays.
    """

    session: Session
    grant: Grant
    debt: DebtNotice | None = None
    benefits: Benefits | None = None
