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

    from parking.ids import AccountId

__all__ = ["Grant", "GrantReason"]


@unique
class GrantReason(StrEnum):
    """Why a grant says what it says."""

    GOOD_STANDING = "good_standing"
    NOT_REGISTERED = "not_registered"
    NO_AGREEMENT = "no_agreement"
    ACCOUNT_SUSPENDED = "account_suspended"
    DEBT = "debt"
    EXPOSURE = "exposure"
    """What the account already owes leaves no room below its total limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """``limit_fen`` is the highest fee that may be left unpaid at the barrier; 0 when not allowed."""

    allowed: bool
    limit_fen: int
    reason: GrantReason
    expires_at: datetime
    account_id: AccountId | None = None
