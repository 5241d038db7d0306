"""A bill: priced again, and folded into segments that keep the order of what happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from parking.decision import Reason
from parking.errors import Defect
from parking.proof import parse_proof
from settlement.bill import BillKind, bill_of, credit_note_of
from settlement.segment import post_of, segments
from tests.books.records import TARIFFS, Car, unfit


@pytest.mark.parametrize(
    ("prepaid_fen", "used_fen", "due_fen"),
    [(0, 0, 1_600), (600, 600, 1_000), (1_600, 1_600, 0), (2_000, 1_600, 0)],
)
def test_a_bill_asks_for_what_was_not_prepaid(prepaid_fen: int, used_fen: int, due_fen: int) -> None:
    bill = bill_of(Car("a", prepaid_fen=prepaid_fen).leaves(), TARIFFS)
    assert (bill.amount_fen, bill.prepaid_fen, bill.due_fen) == (1_600, used_fen, due_fen)
    assert parse_proof(bill.proof).amount_fen == 1_600


def test_a_driver_who_prepaid_and_left_in_time_pays_for_the_time_of_the_payment() -> None:
    car = Car("a", prepaid_fen=800)
    record = car.leaves(timedelta(minutes=65))
    assert record.session is not None
    paid_at = car.entered_at + timedelta(minutes=55)
    session = replace(record.session, prepaid_at=paid_at, prepaid_until=paid_at + timedelta(minutes=15))
    decision = replace(record.decision, reason=Reason.PREPAID, amount_fen=800)
    bill = bill_of(replace(record, session=session, decision=decision), TARIFFS)
    assert (bill.amount_fen, bill.due_fen) == (800, 0)


def test_nobody_is_billed_when_gate_and_tariff_disagree() -> None:
    with pytest.raises(Defect, match="1700 fen"):
        bill_of(unfit(Car("a").leaves()), TARIFFS)


def test_a_tariff_that_nobody_knows_is_a_defect() -> None:
    with pytest.raises(Defect, match="nobody knows the tariff"):
        post_of([Car("a").leaves()], {}, timedelta(0))


def test_a_credit_note_takes_the_whole_bill_back() -> None:
    bill = bill_of(Car("a").leaves(), TARIFFS)
    note = credit_note_of(bill, Reason.TURN_BACK)
    assert (note.kind, note.credits_bill_id, note.amount_fen) == (BillKind.CREDIT_NOTE, bill.bill_id, 1_600)
    assert note.bill_id != bill.bill_id


def test_each_closing_has_a_bill_of_its_own() -> None:
    car = Car("a")
    first = bill_of(car.leaves(), TARIFFS)
    car.turns_back()
    assert bill_of(car.leaves(timedelta(hours=3)), TARIFFS).bill_id != first.bill_id


def test_an_entry_and_the_exit_after_it_are_one_segment() -> None:
    one, two = Car("a"), Car("b")
    records = [one.enters(), two.enters(), one.leaves(), two.leaves()]
    assert list(segments(records)) == [records]
    assert len(post_of(records, TARIFFS, timedelta(0)).steps) == 2


def test_an_undone_exit_is_a_segment_of_its_own() -> None:
    car, other = Car("a"), Car("b")
    entered, left, undone, other_entered, left_again = (
        car.enters(),
        car.leaves(),
        car.turns_back(),
        other.enters(),
        car.leaves(timedelta(hours=3)),
    )
    found = list(segments([entered, left, undone, other_entered, left_again]))
    assert found == [[entered, left], [undone], [other_entered, left_again]]


def test_an_event_that_comes_twice_is_in_two_segments() -> None:
    entry = Car("a").enters()
    assert list(segments([entry, entry])) == [[entry], [entry]]


def test_an_entry_and_an_undone_exit_are_no_single_step() -> None:
    car = Car("a")
    entered = car.enters()
    car.leaves()
    undone = car.turns_back()
    assert list(segments([entered, undone])) == [[entered], [undone]]


def test_a_stay_that_was_lost_sight_of_and_its_exit_are_two_segments() -> None:
    car = Car("a")
    entered = car.enters()
    lost = car.session
    again = car.enters_again(timedelta(hours=5))
    car.session, car.entered_at = lost, lost.entered_at
    left = car.leaves(timedelta(hours=4))
    assert list(segments([entered, again, left])) == [[entered, again], [left]]
