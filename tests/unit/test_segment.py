"""Segments: runs of records that one statement books, none of which locks balances twice."""

from __future__ import annotations

from parking.session import Step
from settlement.segment import segments
from tests.books.records import Car


def test_undone_exits_are_booked_apart_from_all_else() -> None:
    """They have a statement of their own for the ledger.

    Together with records that also move balances, one transaction would lock balances twice, out of order.
    """
    left, undone = [Car("a"), Car("b")], [Car("c"), Car("d")]
    for car in undone:
        car.enters()
        car.leaves()
    records = [
        *(record for car in left for record in (car.enters(), car.leaves())),
        *(car.turns_back() for car in undone),
        Car("e").enters(),
    ]
    runs = list(segments(records))
    assert [record for run in runs for record in run] == records
    assert [{record.step is Step.EXIT_UNDONE for record in run} for run in runs] == [{False}, {True}, {False}]


def test_records_without_an_undone_exit_are_one_run() -> None:
    first, second = Car("a"), Car("b")
    records = [first.enters(), second.enters(), first.leaves(), second.turns_back()]
    assert list(segments(records)) == [records]
