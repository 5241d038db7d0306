"""May this car pass: the decision and its reason.

Pure: the caller brings the session, its grant, the price and the policy; what comes back is shown to
the driver, given to the barrier and archived as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum, unique
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

from parking.debt import Measure
from parking.garage import Barrier, Direction, LeaveFirst

if TYPE_CHECKING:
    from datetime import datetime

    from parking.benefits import Benefits
    from parking.debt import DebtNotice
    from parking.garage import Policy
    from parking.grant import Grant
    from parking.language import Language

__all__ = [
    "DEBT_HOLDS",
    "SHOWN_GRANT",
    "Decision",
    "Reason",
    "Verdict",
    "barrier",
    "decide_exit",
    "of_debtor",
    "told_at",
]


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
    EXEMPT = "exempt"
    """Nothing is due from this vehicle."""
    PASS = "pass"  # noqa: S105 - one for parking
    """A pass covers what there would be to pay."""
    COUPON = "coupon"
    """Coupons take off what there would be to pay."""
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
    DEBT = "debt"
    """The driver owes for earlier stays: pay that first."""
    DEBT_ATTENDANT = "debt_attendant"
    """The driver owes for earlier stays: an attendant may let the car pass."""
    NO_ENTRY = "no_entry"
    """The car was never seen entering."""
    LOW_CONFIDENCE = "low_confidence"
    """The plate was not read surely enough to charge anybody."""
    UNREADABLE = "unreadable"
    """There was no plate to read."""
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a word, no secret
    """The token was not issued here, is used, replaced by another or has expired: get a new one."""
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
    OFFLINE_GRANT = "offline_grant"
    """History: the garage was cut off and let the car out on a signed grant, which holds good."""
    GRANT_REFUSED = "grant_refused"
    """History: what the garage let the car out on is no valid grant for it; a person looks at it."""
    OUTAGE_POLICY = "outage_policy"
    """The stores did not answer in time; the garage's outage policy decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``amount_fen`` is the fee as of now, ``limit_fen`` what may be left unpaid; 0 where neither applies.

    ``prepaid_fen`` of the fee was paid inside, and only ``rest_fen`` is to be paid.
    A debtor is told ``owed_fen`` for earlier stays, and the ``reference`` by which to pay it. ``language`` is
    what the driver or the garage has chosen; none: what the lane speaks.
    """

    verdict: Verdict
    reason: Reason
    amount_fen: int = 0
    limit_fen: int = 0
    owed_fen: int = 0
    reference: str = ""
    language: Language | None = None
    prepaid_fen: int = 0

    @property
    def rest_fen(self) -> int:
        """What is to be paid, now or later."""
        return self.amount_fen - self.prepaid_fen


DEBT_HOLDS: Final = frozenset({Reason.DEBT, Reason.DEBT_ATTENDANT})
"""The holds that end with a payment: the same event is decided anew each time it comes."""
SHOWN_GRANT: Final = frozenset({Reason.OFFLINE_GRANT, Reason.GRANT_REFUSED})
"""A garage that was cut off let the car out on a grant: it has left, whatever was decided live."""


def told_at(decision: Decision, policy: Policy) -> Decision:
    """The decision in the garage's language, unless the driver has chosen one."""
    if decision.language is not None or policy.language is None:
        return decision
    return replace(decision, language=policy.language)


def of_debtor(decision: Decision, debt: DebtNotice | None, direction: Direction) -> Decision:
    """The decision about a car whose driver owes, by the notice's measure for this way through a gate."""
    measure = Measure.IGNORE
    if debt is not None:
        measure = debt.entry if direction is Direction.ENTRY else debt.exit
    if debt is None or measure is Measure.IGNORE:
        return decision
    told = replace(decision, owed_fen=debt.owed_fen, reference=debt.reference)
    if not measure.holds:
        return told
    reason = Reason.DEBT if measure is Measure.PAY else Reason.DEBT_ATTENDANT
    return replace(told, verdict=Verdict.HOLD, reason=reason)


def decide_exit(
    *,
    due_fen: int,
    prepaid_fen: int,
    benefits: Benefits | None,
    grant: Grant | None,
    policy: Policy,
    at: datetime,
) -> Decision:
    """Decide an exit whose fee beyond ``prepaid_fen`` is ``due_fen``; an expired grant counts as none."""
    decision = partial(Decision, amount_fen=due_fen + prepaid_fen, prepaid_fen=prepaid_fen)
    if due_fen <= 0:
        reason = Reason.PREPAID if prepaid_fen else _why_free(benefits)
        return decision(verdict=Verdict.OPEN, reason=reason)
    limit_fen, reason = leave_first_limit(grant, policy, at)
    if limit_fen == 0:
        return decision(verdict=Verdict.HOLD, reason=Reason.NO_GRANT)
    if due_fen > limit_fen:
        return decision(verdict=Verdict.HOLD, reason=Reason.OVER_LIMIT, limit_fen=limit_fen)
    return decision(verdict=Verdict.OPEN, reason=reason, limit_fen=limit_fen)


def _why_free(benefits: Benefits | None) -> Reason:
    """Why nothing is due: of what the stay was given the first, or because it costs nothing."""
    if not benefits:
        return Reason.FREE
    if benefits.exempt:
        return Reason.EXEMPT
    return Reason.PASS if benefits.covered else Reason.COUPON


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
