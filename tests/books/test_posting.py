"""Booking what the gates did, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import pytest_asyncio

from parking.decision import Reason
from parking.errors import Defect, InvalidInput
from parking.event import Candidate
from parking.ids import AccountId
from settlement.books.pool import open_pool
from settlement.books.posting import COLLECT_DELAY, PostgresRecordBooks
from settlement.books.verifying import PostgresVerifiableBooks
from settlement.record_books import Booked, Unbookable
from tests.books.records import MORNING, TARIFFS, Car, unfit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from parking.journal import Record

NOW = MORNING + timedelta(days=1)
FEE_FEN = 1_600
"""Two hours and a bit less than nothing more: one of 8 yuan, two of 4."""
ACCOUNT = AccountId(UUID(int=1))
OPEN_ACCOUNT = "INSERT INTO account VALUES ($1, 'holder', 'active', 10000, 100000, now())"
AGREE = "INSERT INTO agreement VALUES ($1, $2, $3, $4, now())"
BALANCES = "SELECT account, debit_fen - credit_fen AS fen FROM ledger_account ORDER BY account"
RECOMPUTED = """
SELECT account, sum(fen)::bigint AS fen
FROM ledger_entry,
    LATERAL (VALUES (debit_account, amount_fen), (credit_account, -amount_fen)) AS s (account, fen)
GROUP BY account ORDER BY account
"""


class Books:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.records = PostgresRecordBooks(pool)

    async def post(self, *records: Record) -> Booked:
        return await self.records.post(records, TARIFFS, NOW)

    async def balances(self) -> dict[str, int]:
        """As materialised; checked against the entries each time."""
        kept = {row["account"]: row["fen"] for row in await self.pool.fetch(BALANCES)}
        assert kept == {row["account"]: row["fen"] for row in await self.pool.fetch(RECOMPUTED)}
        return kept

    async def charge(self, direction: str = "collect") -> asyncpg.Record | None:
        return await self.pool.fetchrow("SELECT * FROM charge WHERE direction = $1", direction)

    async def session_state(self) -> tuple[str, int]:
        row = await self.pool.fetchrow("SELECT state, version FROM session ORDER BY entered_at DESC LIMIT 1")
        assert row is not None
        return row["state"], row["version"]

    async def items(self) -> list[tuple[str, str]]:
        rows = await self.pool.fetch("SELECT item_id, cause FROM quarantine ORDER BY item_id")
        return [(row["item_id"], row["cause"]) for row in rows]


@pytest_asyncio.fixture
async def books(postgres_dsn: str) -> AsyncIterator[Books]:
    async with open_pool(postgres_dsn, size=2, application_name="test") as pool:
        await pool.execute(OPEN_ACCOUNT, ACCOUNT)
        await pool.execute(AGREE, ACCOUNT, "second", "ref-2", 2)
        await pool.execute(AGREE, ACCOUNT, "first", "ref-1", 1)
        yield Books(pool)


async def test_a_stay_becomes_a_bill_with_its_ledger_and_a_charge(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    booked = await books.post(car.enters(), car.leaves())
    assert booked == Booked(fresh=2, bills=1, entries=1, charges_due=1)
    assert await books.balances() == {"garage_payable:west": -FEE_FEN, "receivable:west": FEE_FEN}
    assert await books.session_state() == ("closed", 1)
    charge = await books.charge()
    assert charge is not None
    assert (charge["rail"], charge["agreement"], charge["amount_fen"]) == ("first", "ref-1", FEE_FEN)
    assert charge["next_at"] == MORNING + timedelta(hours=2) + COLLECT_DELAY


async def test_a_record_delivered_again_changes_nothing(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    day = [car.enters(), car.leaves(), car.turns_back(), car.leaves(timedelta(hours=3))]
    first = await books.post(*day)
    balances = await books.balances()
    assert first.fresh == 4
    assert await books.post(*day) == Booked()
    assert await books.post(*reversed(day)) == Booked()
    assert await books.balances() == balances
    assert await books.session_state() == ("closed", 2)


async def test_an_entry_that_comes_late_does_not_reopen_the_session(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    entry, exit_ = car.enters(), car.leaves()
    await books.post(exit_)
    await books.post(entry)
    assert await books.session_state() == ("closed", 1)


async def test_a_part_of_a_batch_that_is_known_does_not_stop_the_rest(books: Books) -> None:
    one, two = Car("a", account_id=ACCOUNT), Car("b", account_id=ACCOUNT)
    one_entry, one_exit, two_entry, two_exit = one.enters(), one.leaves(), two.enters(), two.leaves()
    await books.post(one_entry, two_entry, one_exit)
    assert await books.post(one_entry, one_exit, two_entry, two_exit) == Booked(
        fresh=1, bills=1, entries=1, charges_due=1
    )


async def test_a_free_stay_has_a_bill_and_moves_no_money(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    booked = await books.post(car.enters(), car.leaves(timedelta(minutes=10), reason=Reason.FREE))
    assert booked == Booked(fresh=2, bills=1)
    assert await books.balances() == {}


async def test_what_was_prepaid_is_not_collected(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT, prepaid_fen=1_000)
    assert (await books.post(car.enters(), car.leaves())).entries == 2
    charge = await books.charge()
    assert charge is not None
    assert charge["amount_fen"] == FEE_FEN - 1_000
    assert await books.balances() == {
        "garage_payable:west": -FEE_FEN,
        "prepayment:west": 1_000,
        "receivable:west": FEE_FEN - 1_000,
    }


async def test_what_was_prepaid_beyond_the_fee_stays_a_prepayment(books: Books) -> None:
    car = Car("a", prepaid_fen=5_000)
    assert await books.post(car.enters(), car.leaves()) == Booked(fresh=2, bills=1, entries=2)
    assert (await books.balances())["prepayment:west"] == FEE_FEN


@pytest.mark.parametrize("account_id", [None, AccountId(UUID(int=9))])
async def test_without_an_agreement_the_charge_is_unassigned(
    books: Books, account_id: AccountId | None
) -> None:
    car = Car("a", account_id=account_id)
    booked = await books.post(car.enters(), car.leaves(reason=Reason.EVERYONE))
    assert (booked.charges_due, booked.charges_unassigned) == (0, 1)


async def test_an_unsure_plate_is_billed_and_waits_for_a_person(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    booked = await books.post(car.enters(), car.leaves(reason=Reason.LOW_CONFIDENCE))
    assert (booked.charges_due, booked.charges_unassigned, booked.quarantined) == (0, 1, 1)
    assert await books.items() == [("event:west/a-1", "unconfirmed_plate")]


async def test_a_record_whose_candidates_cannot_be_kept_is_archived_without_them(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    await books.post(car.enters())
    left = car.leaves()
    spoilt = replace(left, event=replace(left.event, candidates=(Candidate(number="A\0", confidence=0.5),)))
    with pytest.raises(InvalidInput):
        await books.post(spoilt)
    await books.records.keep_aside(Unbookable(record=spoilt, detail="a value"), NOW)
    assert await books.items() == [("event:west/a-1", "unbookable")]
    assert await books.pool.fetchval("SELECT candidates FROM gate_event WHERE result = 'quarantined'") is None


async def test_a_second_entry_sends_the_first_stay_to_review(books: Books) -> None:
    car = Car("a")
    first = car.session.session_id
    await books.post(car.enters(), car.enters_again(timedelta(hours=5)))
    assert await books.items() == [(f"session:{first}", "exit_missed")]
    states = await books.pool.fetch("SELECT state FROM session ORDER BY entered_at")
    assert [row["state"] for row in states] == ["superseded", "inside"]


async def test_a_stay_that_went_on_and_is_lost_sight_of_again_waits_for_a_person_again(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    first = car.session
    records = [car.enters(), car.enters_again(timedelta(hours=1)), car.never_came_in(first)]
    records.append(car.enters_again(timedelta(hours=5)))
    for _ in range(2):
        await books.post(*records)
    (item,) = await books.pool.fetch("SELECT item_id, state, resolution FROM quarantine")
    assert tuple(item) == (f"session:{first.session_id}", "open", None)
    assert await PostgresVerifiableBooks(books.pool).violations() == []


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_stay_goes_on_whose_second_entry_was_none(books: Books, *, at_once: bool) -> None:
    car = Car("a", account_id=ACCOUNT)
    first = car.session
    records = [car.enters(), car.enters_again(timedelta(hours=1)), car.never_came_in(first), car.leaves()]
    for batch in [records] if at_once else [[one] for one in records]:
        await books.post(*batch)
    await books.post(*records)
    sessions = await books.pool.fetch(
        "SELECT session_id, state, version, account_id FROM session ORDER BY entered_at"
    )
    assert [tuple(row)[1:3] for row in sessions] == [("closed", 2), ("voided", 0)]
    bill = await books.pool.fetchrow("SELECT session_id, version, amount_fen FROM bill")
    assert bill is not None
    assert tuple(bill) == (first.session_id, 2, FEE_FEN)
    (item,) = await books.pool.fetch("SELECT item_id, resolution, note FROM quarantine")
    assert tuple(item) == (f"session:{first.session_id}", "taken_back", f"session {first.session_id}")
    assert await PostgresVerifiableBooks(books.pool).violations() == []


async def test_who_was_told_that_a_stay_is_over_is_told_its_end_once_it_goes_on(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    first = car.session
    await books.post(car.enters(), car.enters_again(timedelta(hours=1)))
    await books.pool.execute(
        "INSERT INTO reported_visit SELECT partition, 'city', session_id, garage_id, entered_at, 'u1'"
        " FROM session WHERE session_id = $1",
        first.session_id,
    )
    await books.pool.execute("UPDATE reported_visit SET is_open = false")
    await books.post(car.never_came_in(first))
    assert await books.pool.fetchval("SELECT is_open FROM reported_visit")


async def test_a_stay_that_was_closed_as_of_the_past_does_not_go_on(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    first = car.session
    await books.post(car.enters(), car.enters_again(timedelta(hours=3)))
    missed = Car("a", account_id=ACCOUNT, events=8)
    missed.session = first
    await books.post(missed.leaves())
    await books.post(car.never_came_in(first))
    states = await books.pool.fetch("SELECT state, version FROM session ORDER BY entered_at")
    assert [tuple(row) for row in states] == [("closed", 1), ("voided", 0)]


async def test_an_event_that_changed_nothing_is_archived_and_kept_for_a_person(books: Books) -> None:
    assert await books.post(Car("a").is_not_known()) == Booked(fresh=1, quarantined=1)
    assert await books.items() == [("event:west/a-0", "no_entry")]


async def test_a_car_that_turned_back_at_the_entry_never_parked(books: Books) -> None:
    car = Car("a")
    assert await books.post(car.enters(), car.turns_back(timedelta(minutes=1))) == Booked(fresh=2)
    assert await books.session_state() == ("voided", 0)


async def test_an_undone_exit_is_credited_and_its_charge_voided(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT, prepaid_fen=600)
    booked = await books.post(car.enters(), car.leaves(), car.turns_back())
    assert (booked.bills, booked.credit_notes, booked.refunds) == (1, 1, 0)
    assert set((await books.balances()).values()) == {0}
    assert await books.session_state() == ("inside", 1)
    charge = await books.charge()
    assert charge is not None
    assert (charge["state"], charge["next_at"]) == ("voided", None)
    again = await books.post(car.leaves(timedelta(hours=3)))
    assert (again.bills, again.charges_due) == (1, 1)
    assert (await books.balances())["garage_payable:west"] == -2_400


async def test_a_bill_is_credited_for_what_undid_its_exit(books: Books) -> None:
    turned, shut = Car("a"), Car("b")
    await books.post(turned.enters(), turned.leaves(), turned.turns_back())
    await books.post(shut.enters(), shut.leaves(), shut.was_held())
    notes = await books.pool.fetch(
        "SELECT number, reason FROM bill WHERE kind = 'credit_note' ORDER BY number"
    )
    assert [(row["number"], row["reason"]) for row in notes] == [
        ("浙A0000A", "turn_back"),
        ("浙A0000B", "outage_policy"),
    ]
    assert set((await books.balances()).values()) == {0}


@pytest.mark.parametrize("state", ["sent", "accepted", "in_doubt"])
async def test_a_charge_under_way_is_marked_when_its_exit_is_undone(books: Books, state: str) -> None:
    car = Car("a", account_id=ACCOUNT)
    await books.post(car.enters(), car.leaves())
    await move_charge(books, state)
    await books.post(car.turns_back())
    charge = await books.charge()
    assert charge is not None
    assert (charge["state"], charge["void_requested"]) == (state, True)
    assert await books.charge("refund") is None


async def test_a_paid_charge_is_given_back_when_its_exit_is_undone(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    await books.post(car.enters(), car.leaves())
    await move_charge(books, "paid")
    undone = car.turns_back()
    assert (await books.post(undone)).refunds == 1
    assert await books.post(undone) == Booked()
    refund = await books.charge("refund")
    assert refund is not None
    assert (refund["state"], refund["rail"], refund["agreement"], refund["next_at"]) == (
        "due",
        "first",
        "ref-1",
        NOW,
    )
    # The payment itself is not in this ledger, so what the driver had owed stands as a surplus.
    assert await books.balances() == {
        "garage_payable:west": 0,
        "receivable:west": FEE_FEN,
        "refund_payable:west": -FEE_FEN,
    }


async def test_an_amount_that_the_stay_does_not_cost_is_refused_and_leaves_no_trace(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    with pytest.raises(Defect, match="the gate named 1700 fen, and the stay costs 1600 fen"):
        await books.post(car.enters(), unfit(car.leaves()))
    assert await books.pool.fetchval("SELECT count(*) FROM gate_event") == 0


async def test_a_record_put_aside_is_archived_as_quarantined(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    await books.post(car.enters())
    await books.records.keep_aside(Unbookable(record=unfit(car.leaves()), detail="no"), NOW)
    assert await books.items() == [("event:west/a-1", "unbookable")]
    result = await books.pool.fetchval("SELECT result FROM gate_event WHERE event_id = 'a-1'")
    assert result == "quarantined"


async def test_no_transition_that_does_not_exist_is_booked(books: Books) -> None:
    car = Car("a", account_id=ACCOUNT)
    await books.post(car.enters(), car.turns_back(timedelta(minutes=1)))
    with pytest.raises(Defect, match="session_transition"):
        await books.post(car.leaves())


async def move_charge(books: Books, state: str) -> None:
    """Take the charge along allowed edges, as a collector would."""
    paths = {
        "sent": [("due", "sent", "sent")],
        "accepted": [("due", "sent", "sent"), ("sent", "accepted", "accepted")],
        "in_doubt": [("due", "sent", "sent"), ("sent", "lost_sight", "in_doubt")],
        "paid": [("due", "sent", "sent"), ("sent", "paid", "paid")],
    }
    for previous, step, reached in paths[state]:
        await books.pool.execute(
            "UPDATE charge SET previous_state = $1, last_step = $2, state = $3,"
            " next_at = CASE WHEN $3 = 'paid' THEN NULL ELSE next_at END",
            previous,
            step,
            reached,
        )


async def test_writers_that_book_the_same_records_at_once_book_them_once(books: Books) -> None:
    cars = [Car(f"c{number}", account_id=ACCOUNT) for number in range(50)]
    records = [record for car in cars for record in (car.enters(), car.leaves())]
    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(books.post(*records)) for _ in range(4)]
    assert sum(writer.result().bills for writer in writers) == len(cars)
    assert (await books.balances())["receivable:west"] == len(cars) * FEE_FEN
