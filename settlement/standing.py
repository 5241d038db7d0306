"""Standing: may this driver leave first, and up to what.

An account vouches for its cars while it is active, has a rail that may be charged, owes nothing that a rail
has refused for good, and has room between what is still to be collected and its total limit. A single fee
is bounded by the account's limit and by that room, whichever is less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parking.grant import Grant, GrantReason

if TYPE_CHECKING:
    from datetime import datetime

    from parking.ids import AccountId

__all__ = ["Standing", "grant_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An account at one moment; ``exposure_fen`` is what is billed to it and not paid."""

    account_id: AccountId
    active: bool
    has_agreement: bool
    has_debt: bool
    limit_fen: int
    exposure_limit_fen: int
    exposure_fen: int

    @property
    def room_fen(self) -> int:
        """The highest single fee that may be left unpaid."""
        return max(0, min(self.limit_fen, self.exposure_limit_fen - self.exposure_fen))


def grant_of(standing: Standing | None, expires_at: datetime) -> Grant:
    """What the gate may rely on; ``None`` is a plate that no account has bound.

    The account is named in a refusal too: under a garage's own policy the car may leave all the same, and
    then the bill is still this driver's.
    """
    if standing is None:
        return Grant(allowed=False, limit_fen=0, reason=GrantReason.NOT_REGISTERED, expires_at=expires_at)
    reason = _reason(standing)
    allowed = reason is GrantReason.GOOD_STANDING
    return Grant(
        allowed=allowed,
        limit_fen=standing.room_fen if allowed else 0,
        reason=reason,
        expires_at=expires_at,
        account_id=standing.account_id,
    )


def _reason(standing: Standing) -> GrantReason:
    if not standing.active:
        return GrantReason.ACCOUNT_SUSPENDED
    if not standing.has_agreement:
        return GrantReason.NO_AGREEMENT
    if standing.has_debt:
        return GrantReason.DEBT
    if standing.room_fen == 0:
        return GrantReason.EXPOSURE
    return GrantReason.GOOD_STANDING
