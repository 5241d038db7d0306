"""The returning debtor: what a garage's barriers do for a car whose driver owes for earlier stays.

Pure. The policy of the garage to which the car comes decides; what it asks grows with the sum and the age of
what is overdue, and a bill that is disputed, or that its rail is being asked about, never holds anybody.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from parking.debt import DebtNotice, Measure
from settlement.policy import within
from settlement.standing import Fired, Rule, overdue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from parking.ids import BillId
    from settlement.policy import Place, ReturnRule, StandingPolicy
    from settlement.standing import OpenBill

__all__ = ["Found", "found_at", "reference_of"]

REFERENCE_BYTES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the lanes are told, the bills that it is about, and the rules that made it."""

    notice: DebtNotice
    bills: tuple[OpenBill, ...]
    fired: tuple[Fired, ...]


def found_at(
    place: Place, bills: Sequence[OpenBill], policy: StandingPolicy, now: datetime, *, waived: bool = False
) -> Found | None:
    """What awaits the debtor at ``place``; ``None`` when every rule that fits ignores it.

    ``waived``: an attendant there has let the car pass, so nothing holds it; it is told what it owes.
    """
    late = [bill for bill in bills if overdue(bill, policy, now)]
    fitting = [(rule, seen) for rule in policy.returning if (seen := _seen(rule, late, place, now))]
    entry = _strictest((rule.entry for rule, _ in fitting), waived=waived)
    at_exit = _strictest((rule.exit for rule, _ in fitting), waived=waived)
    if entry is at_exit is Measure.IGNORE:
        return None
    owed = {bill.bill_id: bill for _, seen in fitting for bill in seen}
    fired = tuple(_fired(rule, seen) for rule, seen in fitting)
    return Found(
        notice=DebtNotice(
            entry=entry,
            exit=at_exit,
            owed_fen=sum(bill.amount_fen for bill in owed.values()),
            reference=reference_of(owed),
        ),
        bills=tuple(owed.values()),
        fired=(*fired, Fired(rule=Rule.WAIVED)) if waived else fired,
    )


def reference_of(bill_ids: Iterable[BillId]) -> str:
    """What a driver types or scans to pay these bills, 17 characters; the same bills, the same reference."""
    digest = blake2b(b"".join(one.bytes for one in sorted(bill_ids)), digest_size=REFERENCE_BYTES)
    return f"D{base64.b32encode(digest.digest()).decode()}"


def _seen(rule: ReturnRule, late: Iterable[OpenBill], place: Place, now: datetime) -> list[OpenBill]:
    """The bills for which a rule fits; none when it does not."""
    seen = [bill for bill in late if within(rule.scope, bill.origin, place)]
    if not seen or sum(bill.amount_fen for bill in seen) < rule.from_fen:
        return []
    return seen if now - min(bill.raised_at for bill in seen) >= rule.older_than else []


def _strictest(measures: Iterable[Measure], *, waived: bool) -> Measure:
    strictest = max(measures, key=lambda one: one.strictness, default=Measure.IGNORE)
    return Measure.WARN if waived and strictest.holds else strictest


def _fired(rule: ReturnRule, seen: Sequence[OpenBill]) -> Fired:
    figures: dict[str, int | str] = {
        "bills": len(seen),
        "owed_fen": sum(bill.amount_fen for bill in seen),
        "from_fen": rule.from_fen,
        "scope": rule.scope.value,
        "entry": rule.entry.value,
        "exit": rule.exit.value,
    }
    return Fired(rule=Rule.RETURNING_DEBTOR, stops=rule.entry.holds or rule.exit.holds, figures=figures)
