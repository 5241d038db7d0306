"""The ledger: which account pays into which, for every event that moves money.

An entry moves an amount from one account to another, so it balances by construction. The accounts are
named ``kind:garage``, four of them ``kind:garage/rail``, ``kind:garage/other garage`` or
``kind:garage/merchant``:

===================  ==================================================================
receivable           what drivers owe for stays at the garage
merchant_receivable  what a merchant, named last, owes for coupons that bills have used
garage_payable       what is owed to the garage for those stays
prepayment           paid inside, not yet used up by a bill
gate_cash            held by the garage itself: its machines, its attendants, its bank
rail_clearing        held by a payment rail, not yet passed on
refund_payable       to be given back to drivers
due_from             debts of the garage that another one, named last, has collected
due_to               what the garage has collected for another one, named last
===================  ==================================================================

A transaction's id follows from what it books: it is the id of the bill or credit note itself, or comes
from the charge and what happened to it. Booking the same fact again can be recognised.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from parking.errors import Defect

if TYPE_CHECKING:
    from parking.ids import BillId, GarageId

__all__ = [
    "Entry",
    "EntryKind",
    "bill_credited",
    "bill_raised",
    "charge_paid",
    "garage_payable",
    "gate_cash",
    "prepayment",
    "prepayment_received",
    "prepayment_released",
    "rail_clearing",
    "receivable",
    "refund_owed",
    "refund_paid",
    "refund_payable",
]


@unique
class EntryKind(StrEnum):
    """What an entry books."""

    BILL_RAISED = "bill_raised"
    BILL_CREDITED = "bill_credited"
    PREPAYMENT_RECEIVED = "prepayment_received"
    PREPAYMENT_USED = "prepayment_used"
    PREPAYMENT_RESTORED = "prepayment_restored"
    """The bill that had used it was credited."""
    PREPAYMENT_RELEASED = "prepayment_released"
    """More was paid inside than the stay cost: the garage gave the rest back to the driver."""
    CHARGE_PAID = "charge_paid"
    REFUND_OWED = "refund_owed"
    REFUND_PAID = "refund_paid"
    DEBT_COLLECTED = "debt_collected"
    """A driver paid at a garage what no rail could collect."""
    DEBT_COLLECTED_FOR = "debt_collected_for"
    """The other side of it, where that garage was not the one of the bill."""
    DEBT_RELEASED = "debt_released"
    """The bill was credited after that: the driver is to be given back what he paid."""
    COUPONS_FUNDED = "coupons_funded"
    """A merchant owes for the coupons that a bill has used."""
    COUPONS_RELEASED = "coupons_released"
    """That bill was credited."""
    MERCHANT_PAID = "merchant_paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One movement of ``amount_fen`` (> 0) from ``debit_account`` to ``credit_account``.

    ``line`` counts the entries of one transaction from 1.
    """

    transaction_id: UUID
    line: int
    kind: EntryKind
    debit_account: str
    credit_account: str
    amount_fen: int
    garage_id: GarageId
    bill_id: BillId | None = None
    charge_id: UUID | None = None

    def __post_init__(self) -> None:
        if self.amount_fen <= 0:
            raise Defect("a ledger entry moves nothing")
        if self.debit_account == self.credit_account:
            raise Defect("a ledger entry moves money to where it was")


def receivable(garage_id: GarageId) -> str:
    """Owed by drivers."""
    return f"receivable:{garage_id}"


def garage_payable(garage_id: GarageId) -> str:
    """Owed to the garage."""
    return f"garage_payable:{garage_id}"


def prepayment(garage_id: GarageId) -> str:
    """Paid inside and not used yet."""
    return f"prepayment:{garage_id}"


def gate_cash(garage_id: GarageId) -> str:
    """Held by the garage itself."""
    return f"gate_cash:{garage_id}"


def rail_clearing(garage_id: GarageId, rail: str) -> str:
    """Held by a rail."""
    return f"rail_clearing:{garage_id}/{rail}"


def refund_payable(garage_id: GarageId) -> str:
    """To be given back."""
    return f"refund_payable:{garage_id}"


def bill_raised(
    garage_id: GarageId, bill_id: BillId, *, amount_fen: int, prepaid_fen: int
) -> tuple[Entry, ...]:
    """The fee is owed; the part of it that was prepaid is settled at once."""
    if not amount_fen:
        return ()
    raised = Entry(
        transaction_id=bill_id,
        line=1,
        kind=EntryKind.BILL_RAISED,
        debit_account=f"receivable:{garage_id}",
        credit_account=f"garage_payable:{garage_id}",
        amount_fen=amount_fen,
        garage_id=garage_id,
        bill_id=bill_id,
    )
    if not prepaid_fen:
        return (raised,)
    used = Entry(
        transaction_id=bill_id,
        line=2,
        kind=EntryKind.PREPAYMENT_USED,
        debit_account=prepayment(garage_id),
        credit_account=receivable(garage_id),
        amount_fen=prepaid_fen,
        garage_id=garage_id,
        bill_id=bill_id,
    )
    return raised, used


def bill_credited(
    garage_id: GarageId, bill_id: BillId, note_id: BillId, *, amount_fen: int, prepaid_fen: int
) -> tuple[Entry, ...]:
    """A whole bill is taken back by the credit note ``note_id``, and what it had used of a prepayment too.

    What a charge has paid already then stands as a surplus in ``receivable``, until :func:`refund_owed`.
    """
    if not amount_fen:
        return ()
    credited = Entry(
        transaction_id=note_id,
        line=1,
        kind=EntryKind.BILL_CREDITED,
        debit_account=garage_payable(garage_id),
        credit_account=receivable(garage_id),
        amount_fen=amount_fen,
        garage_id=garage_id,
        bill_id=bill_id,
    )
    if not prepaid_fen:
        return (credited,)
    restored = Entry(
        transaction_id=note_id,
        line=2,
        kind=EntryKind.PREPAYMENT_RESTORED,
        debit_account=receivable(garage_id),
        credit_account=prepayment(garage_id),
        amount_fen=prepaid_fen,
        garage_id=garage_id,
        bill_id=bill_id,
    )
    return credited, restored


def prepayment_received(garage_id: GarageId, transaction_id: UUID, *, amount_fen: int) -> tuple[Entry, ...]:
    """A driver paid inside, at a machine or an attendant of the garage."""
    kind = EntryKind.PREPAYMENT_RECEIVED
    return (
        _single(transaction_id, kind, gate_cash(garage_id), prepayment(garage_id), amount_fen, garage_id),
    )


def prepayment_released(garage_id: GarageId, transaction_id: UUID, *, amount_fen: int) -> tuple[Entry, ...]:
    """More was paid inside than the stay cost: the garage gives the rest back, as it had taken it."""
    kind = EntryKind.PREPAYMENT_RELEASED
    return (
        _single(transaction_id, kind, prepayment(garage_id), gate_cash(garage_id), amount_fen, garage_id),
    )


def charge_paid(
    garage_id: GarageId, bill_id: BillId, charge_id: UUID, *, rail: str, amount_fen: int
) -> tuple[Entry, ...]:
    """A rail took the money: it owes us what the driver owed."""
    return (
        Entry(
            transaction_id=uuid5(charge_id, EntryKind.CHARGE_PAID),
            line=1,
            kind=EntryKind.CHARGE_PAID,
            debit_account=rail_clearing(garage_id, rail),
            credit_account=receivable(garage_id),
            amount_fen=amount_fen,
            garage_id=garage_id,
            bill_id=bill_id,
            charge_id=charge_id,
        ),
    )


def refund_owed(
    garage_id: GarageId, bill_id: BillId, charge_id: UUID, *, amount_fen: int
) -> tuple[Entry, ...]:
    """A credited bill had been paid, or is paid after all: the surplus is to be given back.

    ``charge_id`` is that of the refund, which names one debt to the driver however it came about.
    """
    return (
        Entry(
            transaction_id=uuid5(charge_id, EntryKind.REFUND_OWED),
            line=1,
            kind=EntryKind.REFUND_OWED,
            debit_account=receivable(garage_id),
            credit_account=refund_payable(garage_id),
            amount_fen=amount_fen,
            garage_id=garage_id,
            bill_id=bill_id,
            charge_id=charge_id,
        ),
    )


def refund_paid(
    garage_id: GarageId, bill_id: BillId, charge_id: UUID, *, rail: str, amount_fen: int
) -> tuple[Entry, ...]:
    """A rail gave the money back; ``charge_id`` is that of the refund."""
    return (
        Entry(
            transaction_id=uuid5(charge_id, EntryKind.REFUND_PAID),
            line=1,
            kind=EntryKind.REFUND_PAID,
            debit_account=refund_payable(garage_id),
            credit_account=rail_clearing(garage_id, rail),
            amount_fen=amount_fen,
            garage_id=garage_id,
            bill_id=bill_id,
            charge_id=charge_id,
        ),
    )


def _single(
    transaction_id: UUID, kind: EntryKind, debit: str, credit: str, amount_fen: int, garage_id: GarageId
) -> Entry:
    return Entry(
        transaction_id=transaction_id,
        line=1,
        kind=kind,
        debit_account=debit,
        credit_account=credit,
        amount_fen=amount_fen,
        garage_id=garage_id,
    )
