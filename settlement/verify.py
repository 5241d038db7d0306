"""Verification: every rule that must hold, computed again from the tables and against the rails' books.

Each check of the tables is one statement that finds the rows breaking it. Every bill is priced again, here,
from its stay and its tariff. The rails are compared here too: what a rail captured is the truth about who was
charged, so nothing may be captured twice for one order, and both sides must agree about what is paid. A
charge whose outcome is still open is no disagreement.

All of this may be asked of an installation at work. The rails are read before the books, so that what they
captured is known here at least as under way; what is paid here and was not captured yet is looked for in a
second reading. A rail that was not read at all is named, with how much rests on its word.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from parking.benefits import parse_benefits
from parking.errors import Defect, InvalidInput
from parking.fee import price_of, stay_with
from parking.plate import Colour, Plate, VehicleClass
from parking.price_facts import parse_changes, parse_earlier
from parking.proof import proof_json
from settlement.charge import Direction, State
from settlement.funding import uses_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from parking.ids import BillId, TariffVersionId
    from parking.tariff import Tariff
    from settlement.record_books import Tariffs

__all__ = [
    "Capture",
    "ReadCaptures",
    "VerifiableBill",
    "VerifiableBooks",
    "VerifiableCharge",
    "Verification",
    "Violation",
    "compare",
    "verify",
]

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
    """A charge of ours that a rail may know; ``paid_attempt_key`` is the attempt that paid it.

    One with ``same_attempt`` waits to be sent again as the attempt that the rail had not received, then.
    """

    direction: Direction
    order_key: str
    amount_fen: int
    state: State
    paid_attempt_key: str | None = None
    same_attempt: bool = False

    @property
    def undecided(self) -> bool:
        """Whether the rail may know more than we do."""
        return self.state in UNDECIDED or (self.state is State.DUE and self.same_attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiableBill:
    """What a bill was priced by; ``paid_at`` are the moments at which its driver paid inside.

    ``vehicle_class`` is what a person has found the vehicle to be, ``None`` what its plate says.
    ``coupons`` are those that it used, as the books have them: a JSON array of merchant, coupon, worth and
    what the merchant owes for it.
    """

    bill_id: BillId
    tariff_version_id: TariffVersionId
    number: str
    colour: str
    vehicle_class: str | None
    entered_at: datetime
    left_at: datetime
    paid_at: Sequence[datetime]
    amount_fen: int
    proof: str
    benefits: str
    earlier: str
    changes: str
    coupons: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found; ``imbalance_fen`` is what the ledger as a whole is out by.

    ``not_compared`` says how many charges are paid here by rails whose own books nobody read.
    """

    violations: tuple[Violation, ...]
    double_charged: int
    imbalance_fen: int
    checks: tuple[str, ...]
    not_compared: Mapping[str, int]

    @property
    def clean(self) -> bool:
        """Whether every rule holds that was checked."""
        return not self.violations and not self.imbalance_fen


ReadCaptures: TypeAlias = "Callable[[], Awaitable[Mapping[str, Sequence[Capture]]]]"
"""Reads the books of the rails, by the rails' names."""


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

    def bills(self) -> AsyncGenerator[Sequence[VerifiableBill]]:
        """All bills and credit notes, some at a time."""
        ...

    async def paid_by_rail(self) -> Mapping[str, int]:
        """How many charges are paid, by rail."""
        ...


async def verify(books: VerifiableBooks, tariffs: Tariffs, read_captures: ReadCaptures) -> Verification:
    """Check the tables, price every bill again, and compare each rail that ``read_captures`` knows."""
    captures = await read_captures()
    violations = await books.violations()
    violations += await _mispriced(books, tariffs)
    compared = await _compared(books, captures, read_captures)
    paid = await books.paid_by_rail()
    return Verification(
        violations=(*violations, *compared),
        double_charged=sum(one.check == CAPTURED_TWICE for one in compared),
        imbalance_fen=await books.imbalance_fen(),
        checks=(*books.checks, PRICED_AGAIN, *(RAIL_CHECKS if captures else ())),
        not_compared={rail: count for rail, count in paid.items() if rail not in captures},
    )


PRICED_AGAIN: Final = "bills_priced_again"
NAMED_MAX: Final = 100
"""Violations named of one check; more would say no more."""
CAPTURED_TWICE: Final = "captured_twice"
REFUNDED_TWICE: Final = "refunded_twice"
CAPTURED_NOT_PAID: Final = "captured_not_paid_here"
PAID_NOT_CAPTURED: Final = "paid_here_not_captured"
AMOUNTS_DIFFER: Final = "rail_amounts_differ"
RAIL_CHECKS: Final = (CAPTURED_TWICE, REFUNDED_TWICE, CAPTURED_NOT_PAID, PAID_NOT_CAPTURED, AMOUNTS_DIFFER)


async def _mispriced(books: VerifiableBooks, tariffs: Tariffs) -> list[Violation]:
    found: list[Violation] = []
    async with aclosing(books.bills()) as chunks:
        async for bills in chunks:
            known = await tariffs.of({one for bill in bills for one in _version_ids(bill)})
            wrong = ((bill, _mistake(bill, known)) for bill in bills)
            found += [
                Violation(check=PRICED_AGAIN, item_id=str(bill.bill_id), explanation=why)
                for bill, why in wrong
                if why
            ]
            if len(found) >= NAMED_MAX:
                break
    return found[:NAMED_MAX]


def _version_ids(bill: VerifiableBill) -> Iterator[TariffVersionId]:
    yield bill.tariff_version_id
    with suppress(InvalidInput):
        yield from (change.tariff_version_id for change in parse_changes(bill.changes))


def _mistake(bill: VerifiableBill, tariffs: Mapping[TariffVersionId, Tariff]) -> str:
    """What is wrong with the price of a bill; empty when nothing is.

    A driver who paid inside and left in time is charged up to the payment, by whichever was the last then.
    """
    if bill.tariff_version_id not in tariffs:
        return f"nobody knows the tariff {bill.tariff_version_id}"
    paid_at = [max(bill.entered_at, moment) for moment in bill.paid_at if moment < bill.left_at]
    proofs = [_proof(bill, until, tariffs) for until in (bill.left_at, *paid_at)]
    if (bill.amount_fen, bill.proof) in proofs:
        return _unlike_coupons(bill)
    return f"{bill.amount_fen} fen, and by its tariff the stay costs {proofs[0][0]} fen, proven otherwise"


def _unlike_coupons(bill: VerifiableBill) -> str:
    """What is wrong with the coupons that a bill used, by what it was priced with."""
    proven = [
        [one.merchant_id, one.coupon_id, one.worth_fen, one.owed_fen]
        for one in uses_of(parse_benefits(bill.benefits), bill.proof)
    ]
    if sorted(proven) == sorted(json.loads(bill.coupons)):
        return ""
    return f"{len(proven)} coupons are proven, and others are kept as used"


def _proof(
    bill: VerifiableBill, until: datetime, tariffs: Mapping[TariffVersionId, Tariff]
) -> tuple[int | None, str]:
    try:
        plate = Plate(number=bill.number, colour=Colour(bill.colour))
        benefits, earlier = parse_benefits(bill.benefits), parse_earlier(bill.earlier)
        found_class = None if bill.vehicle_class is None else VehicleClass(bill.vehicle_class)
        stay = stay_with(benefits, earlier, plate, bill.entered_at, until, found_class)
        fee = price_of(stay, bill.tariff_version_id, parse_changes(bill.changes), tariffs)
    except (InvalidInput, Defect, ValueError):
        return None, ""
    return fee.amount_fen, proof_json(fee)


async def _compared(
    books: VerifiableBooks, captures: Mapping[str, Sequence[Capture]], read_captures: ReadCaptures
) -> list[Violation]:
    """Where the rails disagree; who paid between the two readings is not taken for one who did not."""
    charges = {rail: await books.charges(rail) for rail in captures}
    found = [one for rail in captures for one in compare(rail, charges[rail], captures[rail])]
    if all(one.check != PAID_NOT_CAPTURED for one in found):
        return found
    again = await read_captures()
    missing = {one for rail in captures for one in compare(rail, charges[rail], again.get(rail, ()))}
    return [one for one in found if one.check != PAID_NOT_CAPTURED or one in missing]


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
    if charge.state is not State.PAID and not charge.undecided:
        why = f"{rail} moved {capture.amount_fen} fen, and the charge is {charge.state} here"
        yield Violation(check=CAPTURED_NOT_PAID, item_id=capture.order_key, explanation=why)
    if charge.amount_fen != capture.amount_fen:
        why = f"{rail} moved {capture.amount_fen} fen, and the charge is of {charge.amount_fen} fen"
        yield Violation(check=AMOUNTS_DIFFER, item_id=capture.order_key, explanation=why)
