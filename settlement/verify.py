"""Verification: every rule that must hold, computed again from the tables and against the rails' books.

Each check of the tables is one statement that finds the rows breaking it. The rails are compared here: what
a rail captured is the truth about who was charged, so nothing may be captured twice for one order, and both
sides must agree about what is paid. A charge whose outcome is still open is no disagreement.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from settlement.charge import Direction, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Capture", "VerifiableBooks", "VerifiableCharge", "Verification", "Violation", "compare", "verify"]

UNDECIDED: Final = frozenset({State.SENT, State.ACCEPTED, State.IN_DOUBT, State.REVIEW})


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One row, or one order, that breaks a rule."""

    check: str
    item_id: str
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One movement of money in a rail's own books."""

    direction: Direction
    order_key: str
    attempt_key: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiableCharge:
    """A charge of ours that a rail may know; ``paid_attempt_key`` is the attempt that paid it."""

    direction: Direction
    order_key: str
    amount_fen: int
    state: State
    paid_attempt_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found; ``imbalance_fen`` is what the ledger as a whole is out by."""

    violations: tuple[Violation, ...]
    double_charged: int
    imbalance_fen: int
    checks: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether every rule holds."""
        return not self.violations and not self.imbalance_fen


class VerifiableBooks(Protocol):
    """What verification reads."""

    @property
    def checks(self) -> tuple[str, ...]:
        """The names of the checks of the tables."""
        ...

    async def violations(self) -> list[Violation]:
        """The rows that break a rule, at most a hundred a check, all as of one moment."""
        ...

    async def imbalance_fen(self) -> int:
        """How far the ledger as a whole is from zero."""
        ...

    async def charges(self, rail: str) -> list[VerifiableCharge]:
        """All charges that have been with a rail or are due at it."""
        ...


async def verify(books: VerifiableBooks, captures: Mapping[str, Iterable[Capture]]) -> Verification:
    """Check the tables, and each rail of ``captures``; read the rails before the call."""
    violations = await books.violations()
    double_charged = 0
    for rail, captured in captures.items():
        found = list(compare(rail, await books.charges(rail), captured))
        double_charged += sum(one.check == CAPTURED_TWICE for one in found)
        violations += found
    return Verification(
        violations=tuple(violations),
        double_charged=double_charged,
        imbalance_fen=await books.imbalance_fen(),
        checks=(*books.checks, *(RAIL_CHECKS if captures else ())),
    )


CAPTURED_TWICE: Final = "captured_twice"
REFUNDED_TWICE: Final = "refunded_twice"
CAPTURED_NOT_PAID: Final = "captured_not_paid_here"
PAID_NOT_CAPTURED: Final = "paid_here_not_captured"
AMOUNTS_DIFFER: Final = "rail_amounts_differ"
RAIL_CHECKS: Final = (CAPTURED_TWICE, REFUNDED_TWICE, CAPTURED_NOT_PAID, PAID_NOT_CAPTURED, AMOUNTS_DIFFER)


def compare(
    rail: str, charges: Iterable[VerifiableCharge], captures: Iterable[Capture]
) -> Iterator[Violation]:
    """Where our charges and the movements of one rail disagree."""
    moved = list(captures)
    ours = {(charge.direction, charge.order_key): charge for charge in charges}
    for (direction, order_key), times in Counter((one.direction, one.order_key) for one in moved).items():
        if times > 1:
            check = CAPTURED_TWICE if direction is Direction.COLLECT else REFUNDED_TWICE
            yield Violation(check=check, item_id=order_key, explanation=f"{rail} moved it {times} times")
    for one in moved:
        yield from _compare_capture(rail, one, ours.get((one.direction, one.order_key)))
    known = {(one.direction, one.attempt_key) for one in moved}
    for charge in ours.values():
        if charge.state is State.PAID and (charge.direction, charge.paid_attempt_key) not in known:
            why = f"{rail} does not know attempt {charge.paid_attempt_key}, by which it is paid here"
            yield Violation(check=PAID_NOT_CAPTURED, item_id=charge.order_key, explanation=why)


def _compare_capture(rail: str, capture: Capture, charge: VerifiableCharge | None) -> Iterator[Violation]:
    if charge is None:
        why = f"{rail} moved {capture.amount_fen} fen for an order that is not here"
        yield Violation(check=CAPTURED_NOT_PAID, item_id=capture.order_key, explanation=why)
        return
    if charge.state is not State.PAID and charge.state not in UNDECIDED:
        why = f"{rail} moved {capture.amount_fen} fen, and the charge is {charge.state} here"
        yield Violation(check=CAPTURED_NOT_PAID, item_id=capture.order_key, explanation=why)
    if charge.amount_fen != capture.amount_fen:
        why = f"{rail} moved {capture.amount_fen} fen, and the charge is of {charge.amount_fen} fen"
        yield Violation(check=AMOUNTS_DIFFER, item_id=capture.order_key, explanation=why)
