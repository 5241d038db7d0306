"""The policy on credit: who may leave first, and what becomes of a debtor who comes back.

It is data. A version is named by its content, is never changed, and is recorded with each decision that was
made by it; so "why was I stopped" has the same answer next year.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum, unique
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NewType

from parking.debt import Measure
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from parking.ids import GarageId

__all__ = [
    "STANDARD",
    "Place",
    "PolicyVersionId",
    "ReturnRule",
    "Scope",
    "StandingPolicy",
    "policy_version_id_of",
    "within",
]

PolicyVersionId = NewType("PolicyVersionId", str)
"""``<policy id>@<12 hex digits over the whole content>``."""


@unique
class Scope(StrEnum):
    """How far something reaches from the garage where it arose."""

    GARAGE = "garage"
    OPERATOR = "operator"
    """All garages of the same operator."""
    ALL = "all"
    """Every garage of the installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A garage, and whose it is."""

    garage_id: GarageId
    operator_id: str


def within(scope: Scope, origin: Place, place: Place) -> bool:
    """Whether what arose at ``origin`` counts at ``place``."""
    if scope is Scope.ALL:
        return True
    if scope is Scope.OPERATOR:
        return origin.operator_id == place.operator_id
    return origin.garage_id == place.garage_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRule:
    """What awaits a debtor whose overdue bills, as far as ``scope`` reaches, come to ``from_fen``.

    The oldest of them must be older than ``older_than``, counted from the day of the bill. Where several
    rules fit, each direction has the strictest of their measures.
    """

    scope: Scope
    from_fen: int
    older_than: timedelta
    entry: Measure
    exit: Measure

    def __post_init__(self) -> None:
        if self.from_fen <= 0:
            raise InvalidInput("an amount above zero", ("from_fen",))
        if self.older_than < timedelta(0):
            raise InvalidInput("not negative", ("older_than",))


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingPolicy:
    """One version of a policy.

    A bill is overdue when it has not been paid ``pay_within`` its being raised, or as soon as its rail has
    declined it for good if ``declined_is_overdue``. Leave-first is suspended while at least
    ``suspend_from_bills`` bills, which come to at least ``suspend_from_fen``, are overdue as far as
    ``suspend_scope`` reaches. A disputed bill counts nowhere.
    """

    policy_id: str
    name: str
    pay_within: timedelta = timedelta(hours=24)
    declined_is_overdue: bool = False
    suspend_scope: Scope = Scope.OPERATOR
    suspend_from_bills: int = 1
    suspend_from_fen: int = 1
    open_bills_max: int | None = None
    """Not overdue ones included; without it only the account's total limit bounds them."""
    score_min: int | None = None
    """An account with a lower credit score may not leave first; one without a score may."""
    entry_refused_from_fen: int = 20_000
    """No rule may keep a car out for less than this."""
    returning: tuple[ReturnRule, ...] = ()

    def __post_init__(self) -> None:
        for name in ("policy_id", "name"):
            if not getattr(self, name).strip():
                raise InvalidInput("needed", (name,))
        for name in ("suspend_from_bills", "suspend_from_fen", "entry_refused_from_fen", "open_bills_max"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise InvalidInput("1 or more", (name,))
        if self.pay_within < timedelta(0):
            raise InvalidInput("not negative", ("pay_within",))
        for place, rule in enumerate(self.returning):
            if rule.entry.holds and rule.from_fen < self.entry_refused_from_fen:
                why = f"entry is not refused for less than {self.entry_refused_from_fen} fen"
                raise InvalidInput(why, (f"returning.{place}.from_fen",))


STANDARD: Final = StandingPolicy(
    policy_id="standard",
    name="24 hours to pay; one overdue bill suspends leave-first; debts are paid at the next exit",
    returning=(
        ReturnRule(
            scope=Scope.OPERATOR,
            from_fen=1,
            older_than=timedelta(hours=24),
            entry=Measure.WARN,
            exit=Measure.WARN,
        ),
        ReturnRule(
            scope=Scope.OPERATOR,
            from_fen=500,
            older_than=timedelta(hours=24),
            entry=Measure.WARN,
            exit=Measure.PAY,
        ),
        ReturnRule(
            scope=Scope.OPERATOR,
            from_fen=20_000,
            older_than=timedelta(days=30),
            entry=Measure.PAY,
            exit=Measure.PAY,
        ),
    ),
)
"""In force where no other is; the same as ``config/policy/standard.toml``."""


def policy_version_id_of(policy: StandingPolicy) -> PolicyVersionId:
    """Equal content, equal id, everywhere."""
    canonical = json.dumps(asdict(policy), sort_keys=True, default=str, ensure_ascii=True)
    digest = blake2b(canonical.encode(), digest_size=6).hexdigest()
    return PolicyVersionId(f"{policy.policy_id}@{digest}")
