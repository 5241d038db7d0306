"""The ledger: what each event moves, and that nothing is left over in the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from parking.errors import Defect
from parking.ids import BillId, GarageId
from settlement.ledger import (
    Entry,
    EntryKind,
    bill_credited,
    bill_raised,
    charge_paid,
    prepayment_received,
    prepayment_released,
    refund_owed,
    refund_paid,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

WEST = GarageId("west")
BILL, NOTE = BillId(UUID(int=1)), BillId(UUID(int=2))
CHARGE, REFUND = UUID(int=3), UUID(int=4)

RAISED = bill_raised(WEST, BILL, amount_fen=1_600, prepaid_fen=0)
RAISED_PREPAID = bill_raised(WEST, BILL, amount_fen=1_600, prepaid_fen=600)
PAID = charge_paid(WEST, BILL, CHARGE, rail="sim", amount_fen=1_600)
CREDITED = bill_credited(WEST, BILL, NOTE, amount_fen=1_600, prepaid_fen=0)
CREDITED_PREPAID = bill_credited(WEST, BILL, NOTE, amount_fen=1_600, prepaid_fen=600)
OWED = refund_owed(WEST, BILL, REFUND, amount_fen=1_600)
REFUNDED = refund_paid(WEST, BILL, REFUND, rail="sim", amount_fen=1_600)
RECEIVED = prepayment_received(WEST, UUID(int=5), amount_fen=600)


def balances(entries: Iterable[Entry]) -> dict[str, int]:
    """Debits less credits of every account that is not zero."""
    found: Counter[str] = Counter()
    for entry in entries:
        found[entry.debit_account] += entry.amount_fen
        found[entry.credit_account] -= entry.amount_fen
    return {account: fen for account, fen in found.items() if fen}


@pytest.mark.parametrize(
    ("story", "left"),
    [
        ((RAISED,), {"receivable:west": 1_600, "garage_payable:west": -1_600}),
        ((RAISED, PAID), {"rail_clearing:west/sim": 1_600, "garage_payable:west": -1_600}),
        ((RAISED, CREDITED), {}),
        ((RAISED, PAID, CREDITED), {"rail_clearing:west/sim": 1_600, "receivable:west": -1_600}),
        ((RAISED, PAID, CREDITED, OWED), {"rail_clearing:west/sim": 1_600, "refund_payable:west": -1_600}),
        ((RAISED, CREDITED, PAID, OWED, REFUNDED), {}),
        ((RECEIVED,), {"gate_cash:west": 600, "prepayment:west": -600}),
        (
            (RECEIVED, RAISED_PREPAID),
            {"gate_cash:west": 600, "receivable:west": 1_000, "garage_payable:west": -1_600},
        ),
        ((RECEIVED, RAISED_PREPAID, CREDITED_PREPAID), {"gate_cash:west": 600, "prepayment:west": -600}),
        (
            (RECEIVED, prepayment_released(WEST, UUID(int=6), amount_fen=600)),
            {},
        ),
        ((bill_raised(WEST, BILL, amount_fen=0, prepaid_fen=0),), {}),
    ],
)
def test_what_a_story_leaves_on_the_accounts(
    story: tuple[tuple[Entry, ...], ...], left: dict[str, int]
) -> None:
    assert balances(entry for entries in story for entry in entries) == left


def test_the_same_fact_has_the_same_transaction_and_another_fact_another() -> None:
    facts = [RAISED, PAID, CREDITED, OWED, REFUNDED, RECEIVED]
    assert len({entries[0].transaction_id for entries in facts}) == len(facts)
    assert bill_raised(WEST, BILL, amount_fen=1_600, prepaid_fen=0) == RAISED


@pytest.mark.parametrize("entries", [RAISED_PREPAID, CREDITED_PREPAID])
def test_the_lines_of_a_transaction_are_counted_from_one(entries: tuple[Entry, ...]) -> None:
    assert [entry.line for entry in entries] == [1, 2]
    assert len({entry.transaction_id for entry in entries}) == 1


@pytest.mark.parametrize(("amount_fen", "credit"), [(0, "b"), (-1, "b"), (1, "a")])
def test_an_entry_that_moves_nothing_cannot_be_built(amount_fen: int, credit: str) -> None:
    with pytest.raises(Defect):
        Entry(
            transaction_id=CHARGE,
            line=1,
            kind=EntryKind.BILL_RAISED,
            debit_account="a",
            credit_account=credit,
            amount_fen=amount_fen,
            garage_id=WEST,
        )
