"""What follows when a bill is taken back: the car turned back, or the bill was of another car or stay.

The bill is credited in whole. What becomes of its charge depends on how far that has come: what nobody
has been asked for is voided, what is under way is marked and finished by whoever hears the rail's answer,
and what is paid already is given back over the same rail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from settlement.bill import credit_note_of
from settlement.charge import ChargeId, Direction, State, charge_id_of
from settlement.debt_ledger import debt_released
from settlement.funding import entries_of_credit
from settlement.ledger import refund_owed

if TYPE_CHECKING:
    from settlement.bill import Bill
    from settlement.ledger import Entry

__all__ = ["Billed", "Refund", "Undo", "undo_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """A bill and how far its charge has come; without a charge when nothing was due."""

    bill: Bill
    charge_id: ChargeId | None = None
    charge_state: State | None = None
    rail: str | None = None
    agreement: str | None = None
    paid_fen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money to give back over the rail that took it."""

    charge_id: ChargeId
    rail: str
    agreement: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """All that the books take down for one bill that is taken back."""

    credit_note: Bill
    entries: tuple[Entry, ...]
    voided: ChargeId | None = None
    void_requested: ChargeId | None = None
    refund: Refund | None = None
    released: ChargeId | None = None
    """It was collected at a garage: a person gives it back."""


def undo_of(billed: Billed, reason: str) -> Undo:
    """Credit the bill, for ``reason``, and decide what becomes of its charge."""
    bill = billed.bill
    note = credit_note_of(bill, reason)
    entries = entries_of_credit(bill, note.bill_id)
    match billed.charge_state:
        case None | State.NONE | State.VOIDED:
            return Undo(credit_note=note, entries=entries)
        case State.UNASSIGNED | State.DUE | State.UNPAID:
            return Undo(credit_note=note, entries=entries, voided=billed.charge_id)
        case State.SENT | State.ACCEPTED | State.IN_DOUBT | State.REVIEW:
            return Undo(credit_note=note, entries=entries, void_requested=billed.charge_id)
        case State.PAID:
            refund = Refund(
                charge_id=charge_id_of(bill.bill_id, Direction.REFUND),
                rail=billed.rail or "",
                agreement=billed.agreement or "",
                amount_fen=billed.paid_fen,
            )
            owed = refund_owed(bill.garage_id, bill.bill_id, refund.charge_id, amount_fen=refund.amount_fen)
            return Undo(credit_note=note, entries=entries + owed, refund=refund)
        case State.COLLECTED:
            charge_id = billed.charge_id or charge_id_of(bill.bill_id, Direction.COLLECT)
            owed = debt_released(bill.garage_id, bill.bill_id, charge_id, amount_fen=billed.paid_fen)
            return Undo(credit_note=note, entries=entries + owed, released=charge_id)
        case _ as never:
            assert_never(never)
