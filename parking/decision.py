"""May this car pass: the decision and its reason.

Pure: the caller brings the session, its grant, the price and the policy; what comes back is shown to
the driver, given to the barrier and archived as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, assert_never

from parking.garage import Barrier, LeaveFirst

if TYPE_CHECKING:
    from datetime import datetime

    from parking.garage import Policy
    from parking.grant import Grant

__all__ = ["Decision", "Reason", "Verdict", "barrier", "decide_exit"]


@unique
class Verdict(StrEnum):
    """What the barrier does."""

    OPEN = "open"
    HOLD = "hold"


@unique
class Reason(StrEnum):
    """Why. The list is closed: every answer carries exactly one of these."""

    ENTRY = "entry"
    """A car came in; its session is open."""
    DUPLICATE_ENTRY = "duplicate_entry"
    """The same car was read twice at the entry; the first session stands."""
    FREE = "free"
    """Nothing to pay."""
    GRANTED = "granted"
    """Its account vouches for the fee: leave first, pay later."""
    EVERYONE = "everyone"
    """The garage lets everybody leave first, and the fee is within that limit."""
    PREPAID = "prepaid"
    """The fee was paid inside."""
    NO_GRANT = "no_grant"
    """Nobody vouches for this car: pay first."""
    OVER_LIMIT = "over_limit"
    """The fee is above what may be left unpaid: pay first."""
    NO_ENTRY = "no_entry"
    """The car was never seen entering."""
    LOW_CONFIDENCE = "low_confidence"
    """The plate was not read surely enough to charge anybody."""
    UNREADABLE = "unreadable"
    """There was no plate to read."""
    TURN_BACK = "turn_back"
    """The car went back the way it came; its last passage is undone."""
    NO_PASSAGE = "no_passage"
    """A turn-back without a passage to undo."""
    LATE = "late"
    """History: booked as of its time, no barrier moved."""
    TOO_LATE = "too_late"
    """Older than the lateness window: kept for a person."""
    CLOCK = "clock"
    """Captured further in the future than a clock may be wrong: kept for a person."""
    OUTAGE_POLICY = "outage_policy"
    """The stores did not answer in time; the garage's outage policy decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``amount_fen`` is the fee as of now, ``limit_fen`` what may be left unpaid; 0 where neither applies."""

    verdict: Verdict
    reason: Reason
    amount_fen: int = 0
    limit_fen: int = 0


def decide_exit(
    *, due_fen: int, prepaid_fen: int, grant: Grant | None, policy: Policy, at: datetime
) -> Decision:
    """Decide an exit whose fee beyond ``prepaid_fen`` is ``due_fen``; an expired grant counts as none."""
    amount_fen = due_fen + prepaid_fen
    if due_fen <= 0:
        reason = Reason.PREPAID if prepaid_fen else Reason.FREE
        return Decision(verdict=Verdict.OPEN, reason=reason, amount_fen=amount_fen)
    limit_fen, reason = leave_first_limit(grant, policy, at)
    if limit_fen == 0:
        return Decision(verdict=Verdict.HOLD, reason=Reason.NO_GRANT, amount_fen=amount_fen)
    if due_fen > limit_fen:
        return Decision(
            verdict=Verdict.HOLD, reason=Reason.OVER_LIMIT, amount_fen=amount_fen, limit_fen=limit_fen
        )
    return Decision(verdict=Verdict.OPEN, reason=reason, amount_fen=amount_fen, limit_fen=limit_fen)


def leave_first_limit(grant: Grant | None, policy: Policy, at: datetime) -> tuple[int, Reason]:
    """What may be left unpaid, and on whose word."""
    vouched_fen = grant.limit_fen if grant is not None and grant.allowed and at < grant.expires_at else 0
    match policy.leave_first:
        case LeaveFirst.GRANTED_ONLY:
            return vouched_fen, Reason.GRANTED
        case LeaveFirst.EVERYONE:
            if vouched_fen >= policy.everyone_limit_fen:
                return vouched_fen, Reason.GRANTED
            return policy.everyone_limit_fen, Reason.EVERYONE
        case _ as never:
            assert_never(never)


def barrier(choice: Barrier) -> Verdict:
    """A policy's choice as a verdict."""
    return Verdict.OPEN if choice is Barrier.OPEN else Verdict.HOLD
