"""Standing: may this driver leave first at this garage, up to what, and by which rules.

Pure. Every rule looks at the same facts and says whether it fired; all that fired are kept with the decision,
the first one that stops is its reason. Nothing that a rail is still being asked about makes anybody a debtor:
only what a driver could pay and has not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, TypeAlias

from parking.grant import Grant, GrantReason
from settlement.policy import within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from parking.ids import AccountId, BillId
    from parking.language import Language
    from settlement.policy import Place, Scope, StandingPolicy

__all__ = ["Block", "Fired", "Judgement", "OpenBill", "Rule", "Standing", "grant_of", "judge", "overdue"]


@unique
class Rule(StrEnum):
    """What can bear on a decision; those that can stop are reasons of a grant by the same name."""

    NOT_REGISTERED = "not_registered"
    ACCOUNT_SUSPENDED = "account_suspended"
    LEAVE_FIRST_OFF = "leave_first_off"
    BINDING_DISPUTED = "binding_disputed"
    BLOCKED = "blocked"
    NO_AGREEMENT = "no_agreement"
    DEBT = "debt"
    TOO_MANY_OPEN = "too_many_open"
    LOW_SCORE = "low_score"
    EXPOSURE = "exposure"
    LIMIT_LOWERED = "limit_lowered"
    """What is open already leaves less than the limit of a single fee."""
    DISPUTED_LEFT_OUT = "disputed_left_out"
    """Bills that the driver disputes were not counted."""
    RETURNING_DEBTOR = "returning_debtor"
    """A rule of the policy on returning debtors."""
    WAIVED = "waived"
    """An attendant has let the car pass in spite of its debts."""
    VOUCHED = "vouched"
    """Somebody outside promises to pay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A rule that bore on the decision, and the figures that made it."""

    rule: Rule
    stops: bool = False
    figures: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBill:
    """A bill that is not paid; ``payable`` unless its rail is being asked about it right now."""

    bill_id: BillId
    origin: Place
    amount_fen: int
    raised_at: datetime
    payable: bool = True
    declined: bool = False
    """For good, by its rail."""
    disputed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """An entry of a block list that is in force; it reaches as far as ``scope`` from ``origin``."""

    block_id: str
    scope: Scope
    origin: Place
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An account at one moment, as seen through one of its plates."""

    account_id: AccountId
    active: bool = True
    leave_first: bool = True
    binding_disputed: bool = False
    agreements: int
    limit_fen: int
    exposure_limit_fen: int
    bills: tuple[OpenBill, ...] = ()
    blocks: tuple[Block, ...] = ()
    score: int | None = None
    language: Language | None = None

    @property
    def exposure_fen(self) -> int:
        """What is billed and not paid, without what is disputed."""
        return sum(bill.amount_fen for bill in self.bills if not bill.disputed)

    @property
    def room_fen(self) -> int:
        """The highest single fee that may be left unpaid."""
        return max(0, min(self.limit_fen, self.exposure_limit_fen - self.exposure_fen))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """``reason`` is that of the grant; ``limit_fen`` is 0 unless allowed."""

    allowed: bool
    limit_fen: int
    reason: GrantReason
    fired: tuple[Fired, ...]


Check: TypeAlias = "Callable[[Standing, Place, StandingPolicy, datetime], Fired | None]"


def judge(standing: Standing | None, place: Place, policy: StandingPolicy, now: datetime) -> Judgement:
    """Decide; ``None`` is a plate that no account has bound."""
    if standing is None:
        fired: tuple[Fired, ...] = (Fired(rule=Rule.NOT_REGISTERED, stops=True),)
    else:
        fired = tuple(one for check in CHECKS if (one := check(standing, place, policy, now)) is not None)
    stopping = next((one.rule for one in fired if one.stops), None)
    reason = GrantReason.GOOD_STANDING if stopping is None else GrantReason(stopping.value)
    limit_fen = standing.room_fen if standing is not None and stopping is None else 0
    return Judgement(allowed=stopping is None, limit_fen=limit_fen, reason=reason, fired=fired)


def grant_of(judgement: Judgement, standing: Standing | None, expires_at: datetime) -> Grant:
    """What the gate may rely on.

    The account is named in a refusal too: under a garage's own policy the car may leave all the same, and
    then the bill is still this driver's. Not while the binding is disputed: then it is nobody's yet.
    """
    named = standing is not None and not standing.binding_disputed
    return Grant(
        allowed=judgement.allowed,
        limit_fen=judgement.limit_fen,
        reason=judgement.reason,
        expires_at=expires_at,
        account_id=standing.account_id if standing is not None and named else None,
        language=standing.language if standing is not None and named else None,
    )


def overdue(bill: OpenBill, policy: StandingPolicy, now: datetime) -> bool:
    """Whether the driver could have paid this bill and has not."""
    if bill.disputed or not bill.payable:
        return False
    return bill.raised_at + policy.pay_within <= now or (bill.declined and policy.declined_is_overdue)


def _state(standing: Standing, place: Place, policy: StandingPolicy, now: datetime) -> Fired | None:
    del place, policy, now
    return None if standing.active else Fired(rule=Rule.ACCOUNT_SUSPENDED, stops=True)


def _preference(standing: Standing, place: Place, policy: StandingPolicy, now: datetime) -> Fired | None:
    del place, policy, now
    return None if standing.leave_first else Fired(rule=Rule.LEAVE_FIRST_OFF, stops=True)


def _binding(standing: Standing, place: Place, policy: StandingPolicy, now: datetime) -> Fired | None:
    del place, policy, now
    return Fired(rule=Rule.BINDING_DISPUTED, stops=True) if standing.binding_disputed else None


def _blocked(standing: Standing, place: Place, policy: StandingPolicy, now: datetime) -> Fired | None:
    del policy, now
    for block in standing.blocks:
        if within(block.scope, block.origin, place):
            figures = {"block_id": block.block_id, "scope": block.scope.value, "cause": block.cause}
            return Fired(rule=Rule.BLOCKED, stops=True, figures=figures)
    return None


def _agreement(standing: Standing, place: Place, policy: StandingPolicy, now: datetime) -> Fired | None:
    del place, policy, now
    return None if standing.agreements else Fired(rule=Rule.NO_AGREEMENT, stops=True)


def _debt(standing: Standing, place: Place, policy: StandingPolicy, now: datetime) -> Fired | None:
    late = [
        bill
        for bill in standing.bills
        if overdue(bill, policy, now) and within(policy.suspend_scope, bill.origin, place)
    ]
    owed_fen = sum(bill.amount_fen for bill in late)
    if len(late) < policy.suspend_from_bills or owed_fen < policy.suspend_from_fen:
        return None
    oldest = min(bill.raised_at for bill in late)
    figures = {"bills": len(late), "owed_fen": owed_fen, "oldest_h": (now - oldest).total_seconds() // 3600}
    return Fired(
        rule=Rule.DEBT,
        stops=True,
        figures={name: int(figure) for name, figure in figures.items()}
        | {"scope": policy.suspend_scope.value},
    )


def _open_bills(standing: Standing, place: Place, policy: StandingPolicy, now: datetime) -> Fired | None:
    del place, now
    count = sum(not bill.disputed for bill in standing.bills)
    if policy.open_bills_max is None or count < policy.open_bills_max:
        return None
    figures = {"bills": count, "allowed": policy.open_bills_max}
    return Fired(rule=Rule.TOO_MANY_OPEN, stops=True, figures=figures)


def _score(standing: Standing, place: Place, policy: StandingPolicy, now: datetime) -> Fired | None:
    del place, now
    if policy.score_min is None or standing.score is None or standing.score >= policy.score_min:
        return None
    return Fired(
        rule=Rule.LOW_SCORE, stops=True, figures={"score": standing.score, "needed": policy.score_min}
    )


def _exposure(standing: Standing, place: Place, policy: StandingPolicy, now: datetime) -> Fired | None:
    del place, policy, now
    figures = {
        "open_fen": standing.exposure_fen,
        "total_limit_fen": standing.exposure_limit_fen,
        "limit_fen": standing.limit_fen,
        "room_fen": standing.room_fen,
    }
    if standing.room_fen == 0:
        return Fired(rule=Rule.EXPOSURE, stops=True, figures=figures)
    if standing.room_fen < standing.limit_fen:
        return Fired(rule=Rule.LIMIT_LOWERED, figures=figures)
    return None


def _disputed(standing: Standing, place: Place, policy: StandingPolicy, now: datetime) -> Fired | None:
    del place, policy, now
    disputed = [bill.amount_fen for bill in standing.bills if bill.disputed]
    if not disputed:
        return None
    figures = {"bills": len(disputed), "disputed_fen": sum(disputed)}
    return Fired(rule=Rule.DISPUTED_LEFT_OUT, figures=figures)


CHECKS: Final[tuple[Check, ...]] = (
    _state,
    _preference,
    _binding,
    _blocked,
    _agreement,
    _debt,
    _open_bills,
    _score,
    _exposure,
    _disputed,
)
"""In the order in which they give the reason, where several stop."""
