"""The ledger of debts that drivers pay themselves: at the garage of the bill, or at another one for it.

What garage B collects for garage A moves like this, a bill of 10 yuan (debit minus credit):

==============  ============  ============  ===========  ===========
                receivable:A  due_from:A/B  gate_cash:B  due_to:B/A
==============  ============  ============  ===========  ===========
bill raised               10
collected by B             0            10           10          -10
==============  ============  ============  ===========  ===========

A clearing then settles ``due_from`` against ``due_to``; the two are equal, and ``verify`` checks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from settlement.ledger import Entry, EntryKind, gate_cash, receivable, refund_payable

if TYPE_CHECKING:
    from parking.ids import BillId, GarageId

__all__ = ["debt_collected", "debt_released", "due_from", "due_to"]


def due_from(garage_id: GarageId, collector_id: GarageId) -> str:
    """Collected by another garage for this one, not yet passed on."""
    return f"due_from:{garage_id}/{collector_id}"


def due_to(collector_id: GarageId, garage_id: GarageId) -> str:
    """Collected by this garage for another one, not yet passed on."""
    return f"due_to:{collector_id}/{garage_id}"


def debt_collected(
    garage_id: GarageId, bill_id: BillId, charge_id: UUID, *, collector_id: GarageId, amount_fen: int
) -> tuple[Entry, ...]:
    """A driver paid his debt to ``garage_id`` in cash, or at a machine, at the garage ``collector_id``.

    Where these are two, each has a transaction of its own, in its own partition.
    """
    own = collector_id == garage_id
    paid = Entry(
        transaction_id=uuid5(charge_id, EntryKind.DEBT_COLLECTED),
        line=1,
        kind=EntryKind.DEBT_COLLECTED,
        debit_account=gate_cash(garage_id) if own else due_from(garage_id, collector_id),
        credit_account=receivable(garage_id),
        amount_fen=amount_fen,
        garage_id=garage_id,
        bill_id=bill_id,
        charge_id=charge_id,
    )
    if own:
        return (paid,)
    held = Entry(
        transaction_id=uuid5(charge_id, EntryKind.DEBT_COLLECTED_FOR),
        line=1,
        kind=EntryKind.DEBT_COLLECTED_FOR,
        debit_account=gate_cash(collector_id),
        credit_account=due_to(collector_id, garage_id),
        amount_fen=amount_fen,
        garage_id=collector_id,
        bill_id=bill_id,
        charge_id=charge_id,
    )
    return paid, held


def debt_released(
    garage_id: GarageId, bill_id: BillId, charge_id: UUID, *, amount_fen: int
) -> tuple[Entry, ...]:
    """A bill that had been paid at a garage is credited: the surplus is to be given back there."""
    return (
        Entry(
            transaction_id=uuid5(charge_id, EntryKind.DEBT_RELEASED),
            line=1,
            kind=EntryKind.DEBT_RELEASED,
            debit_account=receivable(garage_id),
            credit_account=refund_payable(garage_id),
            amount_fen=amount_fen,
            garage_id=garage_id,
            bill_id=bill_id,
            charge_id=charge_id,
        ),
    )
