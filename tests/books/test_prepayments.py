"""Prepayments in real books: booked once, with their ledger entry."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from typing_extensions import override

from parking.errors import Conflict, InvalidInput, Unavailable
from parking.ids import SessionId, partition_of
from settlement.books.corrections import BilledStay, Corrections
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.books.prepayments import Prepayment, PrepaymentRefund, Prepayments
from settlement.books.review import Reviews
from settlement.books.statements import sql
from settlement.correction import Correction
from settlement.observe import SilentObserver
from settlement.review import Resolution
from settlement.unused import PrepaidBooks, watch_prepayments
from tests.books.charging import HandClock
from tests.books.operating import GARAGE, NOON, PARTITIONS
from tests.books.records import MORNING, TARIFFS, Car

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from parking.journal import Record

EVENING = MORNING + timedelta(hours=12)
SESSION = SessionId(UUID(int=7))
PAID = Prepayment(
    prepayment_id="machine-1/1",
    garage_id=GARAGE,
    session_id=SESSION,
    amount_fen=800,
    method="cash",
    taken_by="m1",
)


@pytest_asyncio.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(postgres_dsn, size=4, application_name="test") as opened:
        yield opened


async def balances(dsn: str) -> dict[str, tuple[int, int]]:
    owner = await asyncpg.connect(dsn)
    try:
        rows = await owner.fetch("SELECT account, debit_fen, credit_fen FROM ledger_account")
        entries = await owner.fetchval("SELECT coalesce(sum(amount_fen), 0)::bigint FROM ledger_entry")
    finally:
        await owner.close()
    found = {row["account"]: (row["debit_fen"], row["credit_fen"]) for row in rows}
    assert sum(debit for debit, _ in found.values()) == entries
    return found


async def test_it_is_booked_once_however_often_it_is_sent(pool: asyncpg.Pool, postgres_dsn: str) -> None:
    prepayments = Prepayments(pool, partition_count=PARTITIONS)
    first = await prepayments.take(PAID, NOON)
    again = await prepayments.take(replace(PAID, taken_by="m2"), NOON + timedelta(hours=1))
    assert (first.fresh, first.total.amount_fen, first.total.last_at) == (True, 800, NOON)
    assert (again.fresh, again.total.amount_fen, again.total.last_at) == (False, 800, NOON)
    assert await balances(postgres_dsn) == {"gate_cash:g1": (800, 0), "prepayment:g1": (0, 800)}


async def test_its_id_cannot_name_another(pool: asyncpg.Pool, postgres_dsn: str) -> None:
    prepayments = Prepayments(pool, partition_count=PARTITIONS)
    await prepayments.take(PAID, NOON)
    for other in (replace(PAID, amount_fen=1), replace(PAID, session_id=SessionId(UUID(int=8)))):
        with pytest.raises(Conflict):
            await prepayments.take(other, NOON)
    assert await balances(postgres_dsn) == {"gate_cash:g1": (800, 0), "prepayment:g1": (0, 800)}
    with pytest.raises(InvalidInput):
        replace(PAID, amount_fen=0)


async def test_what_many_take_at_once_adds_up(pool: asyncpg.Pool, postgres_dsn: str) -> None:
    prepayments = Prepayments(pool, partition_count=PARTITIONS)
    async with asyncio.TaskGroup() as tasks:
        taking = [
            tasks.create_task(prepayments.take(replace(PAID, prepayment_id=f"p{number % 10}"), NOON))
            for number in range(20)
        ]
    assert sum(one.result().fresh for one in taking) == 10
    assert max(one.result().total.amount_fen for one in taking) == 8_000
    assert await balances(postgres_dsn) == {"gate_cash:g1": (8_000, 0), "prepayment:g1": (0, 8_000)}


async def test_of_many_that_pay_for_one_stay_at_once_one_pays(pool: asyncpg.Pool) -> None:
    books = Prepayments(pool, partition_count=PARTITIONS)
    refused: list[str] = []

    async def pay(number: int) -> None:
        try:
            await books.take(replace(PAID, prepayment_id=f"p{number}", paid_before_fen=0), MORNING)
        except Conflict as error:
            refused.append(str(error))

    async with asyncio.TaskGroup() as tasks:
        for number in range(12):
            tasks.create_task(pay(number))
    assert len(refused) == 11
    assert (await books.total(PAID.session_id)).amount_fen == PAID.amount_fen


async def test_one_that_came_too_late_waits_for_a_person(pool: asyncpg.Pool) -> None:
    prepayments = Prepayments(pool, partition_count=PARTITIONS)
    await prepayments.report_unused(PAID, NOON)
    await prepayments.report_unused(PAID, NOON)
    items = await Reviews(pool).open_items(garage_id=GARAGE, cause=None, limit=10)
    assert [(item.cause, item.details["amount_fen"]) for item in items] == [("prepaid_after_exit", 800)]


class Inside:
    """A car in real books, what it paid inside, and what a look at the prepayments finds."""

    def __init__(self, pool: asyncpg.Pool, name: str = "a") -> None:
        self.car = Car(name)
        self._pool = pool
        self._books = PostgresRecordBooks(pool)
        self._prepayments = Prepayments(pool, partition_count=PARTITIONS)
        self._reviews = Reviews(pool)

    async def post(self, *records: Record) -> None:
        await self._books.post(records, TARIFFS, EVENING)

    async def pay(self, prepayment_id: str, amount_fen: int, *, at: datetime = MORNING) -> Prepayment:
        session = self.car.session
        prepayment = Prepayment(
            prepayment_id=prepayment_id,
            garage_id=session.garage_id,
            session_id=session.session_id,
            amount_fen=amount_fen,
            method="cash",
            taken_by="m1",
        )
        await self._prepayments.take(prepayment, at)
        return prepayment

    async def give_back(self, refund_id: str, amount_fen: int, *, over_until: datetime = EVENING) -> bool:
        session = self.car.session
        refund = PrepaymentRefund(
            refund_id=refund_id,
            garage_id=session.garage_id,
            session_id=session.session_id,
            amount_fen=amount_fen,
            method="cash",
            given_by="desk",
        )
        return await self._prepayments.refund(refund, EVENING, over_until=over_until)

    async def too_late(self, prepayment: Prepayment) -> None:
        await self._prepayments.report_unused(prepayment, EVENING)

    async def correct(self, correction_id: str, *, left_at: datetime) -> None:
        session = self.car.session
        correction = Correction(
            correction_id=correction_id, left_at=left_at, reason="seen on the picture", corrected_by="ann"
        )
        stay = BilledStay(
            garage_id=session.garage_id,
            entered_at=session.entered_at,
            session_id=session.session_id,
            exit_within=timedelta(minutes=15),
        )
        books = Corrections(self._pool, partition_count=PARTITIONS)
        await books.correct(stay, correction, TARIFFS, EVENING)

    async def dismiss(self) -> None:
        (item,) = await self._reviews.open_items(garage_id=None, cause="prepaid_unused", limit=2)
        await self._reviews.resolve(item, Resolution.DISMISS, resolved_by="ann", note=None, now=EVENING)

    async def look(self, *, over_until: datetime | None = None) -> list[tuple[str, int]]:
        await self._prepayments.report_all_unused(
            EVENING, paid_from=MORNING - timedelta(days=1), over_until=over_until or EVENING
        )
        items = await self._reviews.open_items(garage_id=None, cause=None, limit=20)
        return [
            (item.cause, item.details["amount_fen"]) for item in items if item.cause.startswith("prepaid")
        ]


async def test_what_no_bill_has_used_waits_for_a_person_once(pool: asyncpg.Pool) -> None:
    inside = Inside(pool)
    await inside.pay("p1", 5_000)
    inside.car.prepaid_fen = 5_000
    await inside.post(inside.car.enters())
    assert await inside.look() == []
    await inside.post(inside.car.leaves())
    assert await inside.look(over_until=MORNING) == []
    assert await inside.look() == [("prepaid_unused", 5_000 - 1_600)]
    assert await inside.look() == [("prepaid_unused", 5_000 - 1_600)]


async def test_what_the_gates_never_heard_of_waits_for_a_person(pool: asyncpg.Pool) -> None:
    inside = Inside(pool)
    await inside.post(inside.car.enters())
    await inside.pay("p1", 1_600)
    await inside.post(inside.car.leaves())
    assert await inside.look() == [("prepaid_unused", 1_600)]


async def test_what_was_used_up_waits_for_nobody(pool: asyncpg.Pool) -> None:
    inside = Inside(pool)
    await inside.pay("p1", 1_000)
    await inside.pay("p2", 600)
    inside.car.prepaid_fen = 1_600
    await inside.post(inside.car.enters(), inside.car.leaves())
    assert await inside.look() == []


async def test_what_a_person_looks_at_already_is_not_reported_again(pool: asyncpg.Pool) -> None:
    inside = Inside(pool)
    await inside.pay("p1", 1_600)
    inside.car.prepaid_fen = 1_600
    await inside.post(inside.car.enters(), inside.car.leaves())
    await inside.too_late(await inside.pay("p2", 300))
    assert await inside.look() == [("prepaid_after_exit", 300)]


async def test_what_was_paid_for_a_stay_that_was_none_waits_for_a_person(pool: asyncpg.Pool) -> None:
    undone, lost = Inside(pool, "a"), Inside(pool, "b")
    for one in (undone, lost):
        await one.post(one.car.enters())
        await one.pay(f"p-{one.car.name}", 800)
    await undone.post(undone.car.turns_back(timedelta(minutes=5)))
    await lost.post(lost.car.enters_again(timedelta(hours=5)))
    assert await undone.look() == [("prepaid_unused", 800), ("prepaid_unused", 800)]


async def test_a_bill_that_was_taken_back_has_used_nothing(pool: asyncpg.Pool) -> None:
    inside = Inside(pool)
    await inside.pay("p1", 1_600)
    inside.car.prepaid_fen = 1_600
    await inside.post(inside.car.enters(), inside.car.leaves())
    await inside.post(inside.car.turns_back())
    assert await inside.look() == []
    inside.car.prepaid_fen = 0
    await inside.post(inside.car.leaves(timedelta(hours=3)))
    assert await inside.look() == [("prepaid_unused", 1_600)]


async def test_what_was_not_used_is_given_back_once_and_waits_for_nobody_then(
    pool: asyncpg.Pool, postgres_dsn: str
) -> None:
    inside = Inside(pool)
    await inside.pay("p1", 2_000)
    inside.car.prepaid_fen = 2_000
    await inside.post(inside.car.enters(), inside.car.leaves())
    assert await inside.look() == [("prepaid_unused", 400)]
    assert await inside.give_back("r1", 300)
    assert await inside.look() == [("prepaid_unused", 100)]
    async with asyncio.TaskGroup() as tasks:
        giving = [tasks.create_task(inside.give_back("r2", 100)) for _ in range(8)]
    assert sum(one.result() for one in giving) == 1
    assert await inside.look() == []
    found = await balances(postgres_dsn)
    garage_id = inside.car.garage_id
    assert found[f"prepayment:{garage_id}"] == (2_000, 2_000)
    assert found[f"gate_cash:{garage_id}"] == (2_000, 400)
    with pytest.raises(Conflict):
        await inside.give_back("r3", 1)
    with pytest.raises(Conflict):
        await inside.give_back("r1", 1)


async def test_what_comes_to_be_unused_after_a_person_has_looked_waits_for_one_again(
    pool: asyncpg.Pool,
) -> None:
    inside = Inside(pool)
    await inside.pay("p1", 2_000)
    inside.car.prepaid_fen = 2_000
    await inside.post(inside.car.enters(), inside.car.leaves())
    assert await inside.look() == [("prepaid_unused", 400)]
    await inside.give_back("r1", 400)
    assert await inside.look() == []
    await inside.correct("k1", left_at=MORNING + timedelta(hours=1))
    assert await inside.look() == [("prepaid_unused", 800)]
    await inside.dismiss()
    assert await inside.look() == []
    await inside.correct("k2", left_at=MORNING + timedelta(hours=2))
    assert await inside.look() == []
    await inside.correct("k3", left_at=MORNING + timedelta(hours=1))
    assert await inside.look() == [("prepaid_unused", 800)]
    assert await inside.give_back("r2", 800)
    assert await inside.look() == []


async def test_a_dearer_corrected_bill_uses_what_lies_unused(pool: asyncpg.Pool) -> None:
    inside = Inside(pool)
    await inside.pay("p1", 2_000)
    inside.car.prepaid_fen = 2_000
    await inside.post(inside.car.enters(), inside.car.leaves())
    assert await inside.look() == [("prepaid_unused", 400)]
    await inside.correct("k1", left_at=MORNING + timedelta(hours=3))
    sums = "SELECT amount_fen, prepaid_fen FROM bill WHERE correction = 1 AND kind = 'bill'"
    assert [tuple(row) for row in await pool.fetch(sums)] == [(2_400, 2_000)]
    with pytest.raises(Conflict):
        await inside.give_back("r1", 400)


async def test_giving_back_waits_for_who_changes_the_bill_of_the_stay(pool: asyncpg.Pool) -> None:
    inside = Inside(pool)
    await inside.pay("p1", 2_000)
    inside.car.prepaid_fen = 2_000
    await inside.post(inside.car.enters(), inside.car.leaves())
    session = inside.car.session
    key = [partition_of(session.garage_id, PARTITIONS)], [session.entered_at], [session.session_id]
    async with pool.acquire() as corrector, asyncio.TaskGroup() as tasks:
        async with corrector.transaction():
            assert await corrector.fetchrow(sql("posting/lock_sessions"), *key) is not None
            giving = tasks.create_task(inside.give_back("r1", 400))
            done, _ = await asyncio.wait([giving], timeout=0.5)
            assert not done
        assert await giving


async def test_no_more_is_given_back_at_once_than_there_is(pool: asyncpg.Pool) -> None:
    inside = Inside(pool)
    await inside.pay("p1", 2_000)
    inside.car.prepaid_fen = 2_000
    await inside.post(inside.car.enters(), inside.car.leaves())
    done: list[bool] = []

    async def give(number: int) -> None:
        with suppress(Conflict):
            done.append(await inside.give_back(f"r{number}", 400))

    async with asyncio.TaskGroup() as tasks:
        for number in range(8):
            tasks.create_task(give(number))
    assert done == [True]


async def test_nothing_is_given_back_for_a_stay_that_may_go_on(pool: asyncpg.Pool) -> None:
    inside = Inside(pool)
    await inside.pay("p1", 2_000)
    inside.car.prepaid_fen = 2_000
    await inside.post(inside.car.enters())
    with pytest.raises(Conflict):
        await inside.give_back("r1", 100)
    await inside.post(inside.car.leaves())
    with pytest.raises(Conflict):
        await inside.give_back("r1", 100, over_until=MORNING)
    assert await inside.give_back("r1", 100)


async def test_what_was_given_back_is_paid_no_more(pool: asyncpg.Pool) -> None:
    inside = Inside(pool)
    paid = await inside.pay("p1", 2_000)
    inside.car.prepaid_fen = 2_000
    await inside.post(inside.car.enters(), inside.car.leaves())
    await inside.give_back("r1", 400)
    books = Prepayments(pool, partition_count=PARTITIONS)
    assert (await books.total(paid.session_id)).amount_fen == 1_600


async def test_who_pays_after_a_refund_has_seen_what_was_left_paid(pool: asyncpg.Pool) -> None:
    inside = Inside(pool)
    paid = await inside.pay("p1", 2_000)
    inside.car.prepaid_fen = 2_000
    await inside.post(inside.car.enters(), inside.car.leaves())
    await inside.give_back("r1", 400)
    books = Prepayments(pool, partition_count=PARTITIONS)
    with pytest.raises(Conflict):
        await books.take(replace(paid, prepayment_id="p2", paid_before_fen=2_000), EVENING)
    taken = await books.take(replace(paid, prepayment_id="p2", paid_before_fen=1_600), EVENING)
    assert (taken.fresh, taken.total.amount_fen) == (True, 1_600 + 2_000)


class TwoLooks(PrepaidBooks):
    """Away at first; ends the loop at its third look."""

    def __init__(self) -> None:
        self.spans: list[timedelta] = []

    @override
    async def report_all_unused(
        self, now: datetime, *, paid_from: datetime, over_until: datetime, session_id: SessionId | None = None
    ) -> int:
        assert over_until < now
        self.spans.append(now - paid_from)
        if len(self.spans) == 1:
            raise Unavailable("books away")
        if len(self.spans) == 3:
            raise asyncio.CancelledError
        return 0


async def test_the_look_is_repeated_and_survives_books_that_are_away() -> None:
    books = TwoLooks()
    with pytest.raises(asyncio.CancelledError):
        await watch_prepayments(books, HandClock(), SilentObserver(), every_s=0.001)
    first, again, lately = books.spans
    assert first == again > lately
