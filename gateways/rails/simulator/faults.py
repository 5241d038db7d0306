"""What goes wrong at the rail, decided in advance and for ever.

Whether a fault befalls an attempt follows from the seed, the attempt key and the fault's name alone,
by a hash. So neither the order of requests nor how many run at once changes what happens, and a run
can be repeated. An agreement that starts with ``sim:`` forces faults instead of drawing them:
``sim:decline-hard``, ``sim:accepted+no-notice``, ``sim:none``; what follows a ``#`` is ignored, so that
drivers can be told apart.

Faults fall into four groups by when they strike; of each group at most one befalls an attempt. Those
that strike before anything is booked do so once: the same attempt sent again gets through.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING

from parking.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT", "NONE", "Fault", "Kind", "Plan", "Profile", "plan_of"]

SCRIPT_PREFIX = "sim:"
HANG_MAX_S = 60


@unique
class Kind(StrEnum):
    """Which way the money goes."""

    CHARGE = "charge"
    REFUND = "refund"


@unique
class Fault(StrEnum):
    """Everything that can go wrong."""

    RATE_LIMITED = "rate_limited"
    """429; nothing booked."""
    ERROR_BEFORE_CAPTURE = "error_before_capture"
    """500; nothing booked."""
    TIMEOUT_BEFORE_CAPTURE = "timeout_before_capture"
    """No answer; nothing booked."""

    DECLINE_HARD = "decline_hard"
    """For every attempt under the same agreement."""
    DECLINE_SOFT = "decline_soft"
    """For this attempt; another may succeed."""
    DECLINE_SOFT_ONCE = "decline_soft_once"
    """For the first attempt of an order; the next one is not declined by it."""
    ACCEPTED_THEN_DECLINED = "accepted_then_declined"
    """Accepted now, declined later."""
    ACCEPTED = "accepted"
    """Accepted now, paid later."""

    TIMEOUT_AFTER_CAPTURE = "timeout_after_capture"
    """Booked, but no answer."""
    ERROR_AFTER_CAPTURE = "error_after_capture"
    """Booked, but answered with 500."""
    SLOW = "slow"
    """Booked and answered, late."""

    NO_NOTICE = "no_notice"
    """The notice is never sent."""
    NOTICE_BEFORE_ANSWER = "notice_before_answer"
    """The notice overtakes the answer."""
    DUPLICATE_NOTICES = "duplicate_notices"
    """The same notice three times."""
    WRONG_AMOUNT_NOTICE = "wrong_amount_notice"
    """The notice names one fen more than was taken."""


BEFORE = (Fault.RATE_LIMITED, Fault.ERROR_BEFORE_CAPTURE, Fault.TIMEOUT_BEFORE_CAPTURE)
LATER = (Fault.ACCEPTED_THEN_DECLINED, Fault.ACCEPTED)
VERDICTS = (Fault.DECLINE_HARD, Fault.DECLINE_SOFT, Fault.DECLINE_SOFT_ONCE, *LATER)
AFTER = (Fault.TIMEOUT_AFTER_CAPTURE, Fault.ERROR_AFTER_CAPTURE, Fault.SLOW)
NOTICES = (Fault.NO_NOTICE, Fault.NOTICE_BEFORE_ANSWER, Fault.DUPLICATE_NOTICES, Fault.WRONG_AMOUNT_NOTICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How often each fault strikes (0 to 1), and how long things take; seconds are real ones."""

    rates: Mapping[Fault, float] = field(default_factory=dict)
    hang_s: float = 6.0
    """How long a request without an answer is held; a little over what clients wait."""
    slow_s: tuple[float, float] = (0.2, 1.0)
    accepted_s: tuple[float, float] = (0.2, 2.0)

    def __post_init__(self) -> None:
        wrong: list[str] = [fault for fault, rate in self.rates.items() if not 0 <= rate <= 1]
        wrong += [
            name
            for name in ("slow_s", "accepted_s")
            if not 0 <= getattr(self, name)[0] <= getattr(self, name)[1]
        ]
        if wrong or not 0 < self.hang_s <= HANG_MAX_S:
            raise InvalidInput("a rate is 0 to 1, a duration 0 to 60 s", tuple(wrong or ["hang_s"]))


NONE = Profile()
DEFAULT = Profile(
    rates=MappingProxyType(
        {
            Fault.RATE_LIMITED: 0.002,
            Fault.ERROR_BEFORE_CAPTURE: 0.003,
            Fault.TIMEOUT_BEFORE_CAPTURE: 0.001,
            Fault.DECLINE_HARD: 0.002,
            Fault.DECLINE_SOFT: 0.004,
            Fault.ACCEPTED_THEN_DECLINED: 0.001,
            Fault.ACCEPTED: 0.006,
            Fault.TIMEOUT_AFTER_CAPTURE: 0.002,
            Fault.ERROR_AFTER_CAPTURE: 0.004,
            Fault.SLOW: 0.005,
            Fault.NO_NOTICE: 0.003,
            Fault.NOTICE_BEFORE_ANSWER: 0.004,
            Fault.DUPLICATE_NOTICES: 0.005,
        }
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What befalls one attempt."""

    before: Fault | None
    verdict: Fault | None
    after: Fault | None
    notice: Fault | None
    slow_s: float
    accepted_s: float


def plan_of(
    profile: Profile, seed: int, kind: Kind, attempt_key: str, order_key: str, agreement: str
) -> Plan:
    """The plan of an attempt; a refund is never declined by a fault, except after it was accepted.

    Raises :class:`InvalidInput` for a script that names no fault.
    """
    forced = _script(agreement)
    keys = {Fault.DECLINE_HARD: agreement, Fault.DECLINE_SOFT_ONCE: order_key}
    own_key = f"{kind}/{attempt_key}"

    def strikes(fault: Fault) -> bool:
        if forced is not None:
            return fault in forced
        rate = profile.rates.get(fault, 0.0)
        return rate > 0 and _fraction(seed, fault, keys.get(fault, own_key)) < rate

    def first(group: tuple[Fault, ...]) -> Fault | None:
        return next(filter(strikes, group), None)

    def between(name: str, bounds: tuple[float, float]) -> float:
        return bounds[0] + (bounds[1] - bounds[0]) * _fraction(seed, name, own_key)

    return Plan(
        before=first(BEFORE),
        verdict=first(VERDICTS if kind is Kind.CHARGE else LATER),
        after=first(AFTER),
        notice=first(NOTICES),
        slow_s=between("slow_s", profile.slow_s),
        accepted_s=between("accepted_s", profile.accepted_s),
    )


def _fraction(seed: int, name: str, key: str) -> float:
    """Evenly spread over 0 to 1, always the same for the same three."""
    digest = blake2b(f"{seed}\x1f{name}\x1f{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _script(agreement: str) -> frozenset[Fault] | None:
    if not agreement.startswith(SCRIPT_PREFIX):
        return None
    names = agreement.removeprefix(SCRIPT_PREFIX).partition("#")[0].replace("-", "_").split("+")
    if names == ["none"]:
        return frozenset()
    try:
        return frozenset(map(Fault, names))
    except ValueError as error:
        raise InvalidInput("the agreement's script names an unknown fault", ("agreement",)) from error
