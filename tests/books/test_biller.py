"""The biller: nothing is settled before it is booked, and one bad record stops nobody."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest_asyncio
from typing_extensions import override

from parking.clock import Clock
from parking.errors import Unavailable
from parking.ids import EventId, Partition
from parking.journal import Unreadable
from settlement.biller import Biller, BillerSettings
from settlement.books.migrate import owner_connection
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.observe import SilentObserver
from settlement.record_books import Booked
from tests.books.journals import MemoryJournal
from tests.books.records import MORNING, Car, FixedTariffs, unfit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from parking.errors import LeaveFirstError
    from parking.ids import TariffVersionId
    from parking.journal import Record
    from parking.tariff import Tariff

POISON_AFTER = 3


class NextDay(Clock):
    @override
    def now(self) -> datetime:
        return MORNING + timedelta(days=1)


class Remembering(SilentObserver):
    def __init__(self) -> None:
        self.booked = Booked()
        self.held_up = 0
        self.set_aside: list[str] = []
        self.failed: list[str] = []

    @override
    def batch_posted(self, *, records: int, seconds: float, booked: Booked) -> None:
        self.booked += booked

    @override
    def loop_held_up(self, *, loop: str, error: LeaveFirstError, retry_in_s: float) -> None:
        self.held_up += 1

    @override
    def record_failed(self, *, detail: str) -> None:
        self.failed.append(detail)

    @override
    def record_set_aside(self, *, detail: str) -> None:
        self.set_aside.append(detail)


class OftenAway(PostgresRecordBooks):
    """Away for the first calls; the third answer is lost after the commit."""

    calls = 0

    @override
    async def post(
        self, records: Sequence[Record], tariffs: Mapping[TariffVersionId, Tariff], now: datetime
    ) -> Booked:
        self.calls += 1
        if self.calls <= 2:
            raise Unavailable("away")
        booked = await super().post(records, tariffs, now)
        if self.calls == 3:
            raise Unavailable("the answer was lost")
        return booked


class Bench:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.journal = MemoryJournal()
        self.observer = Remembering()

    def biller(self, books: PostgresRecordBooks | None = None, *, batch: int = 500) -> Biller:
        return Biller(
            journal=self.journal,
            books=books or PostgresRecordBooks(self.pool),
            tariffs=FixedTariffs(),
            clock=NextDay(),
            observer=self.observer,
            settings=BillerSettings(batch=batch, poison_after=POISON_AFTER, block=timedelta(milliseconds=1)),
        )

    async def results(self) -> dict[str, str]:
        rows = await self.pool.fetch("SELECT event_id, result FROM gate_event")
        return {row["event_id"]: row["result"] for row in rows}


@pytest_asyncio.fixture
async def bench(postgres_dsn: str) -> AsyncIterator[Bench]:
    async with open_pool(postgres_dsn, size=2, application_name="test") as pool:
        yield Bench(pool)


async def test_what_is_booked_is_settled(bench: Bench) -> None:
    cars = [Car("a"), Car("b"), Car("c")]
    bench.journal.new = [record for car in cars for record in (car.enters(), car.leaves())]
    assert await bench.biller().step() == 6
    assert bench.observer.booked.bills == 3
    assert bench.journal.pending == {}


class Lots(PostgresRecordBooks):
    """Remembers the partitions of each statement, and how many writers were busy at once."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.lots: list[list[int]] = []
        self.busy = self.busy_max = 0

    @override
    async def post(
        self, records: Sequence[Record], tariffs: Mapping[TariffVersionId, Tariff], now: datetime
    ) -> Booked:
        self.lots.append(sorted({record.partition for record in records}))
        self.busy += 1
        self.busy_max = max(self.busy, self.busy_max)
        try:
            return await super().post(records, tariffs, now)
        finally:
            self.busy -= 1


async def test_what_is_little_shares_a_statement_over_partitions(bench: Bench) -> None:
    cars = [Car(f"c{number}") for number in range(6)]
    bench.journal.new = [
        replace(car.enters(), partition=Partition(number)) for number, car in enumerate(cars)
    ]
    books = Lots(bench.pool)
    assert await bench.biller(books).step() == 6
    assert books.lots == [[0, 1, 2, 3, 4, 5]]


async def test_what_is_much_is_booked_by_all_writers_each_partition_by_one(bench: Bench) -> None:
    made = 4
    bench.journal.new = [
        replace(Car(f"p{partition}n{number}").enters(), partition=Partition(partition))
        for partition in range(4)
        for number in range(made)
    ]
    books = Lots(bench.pool)
    assert await bench.biller(books, batch=made).step() == 16
    assert sorted(books.lots) == [[0], [1], [2], [3]]
    assert books.busy_max == BillerSettings().writers
    assert bench.observer.booked.fresh == 16


async def test_a_bad_record_stops_nobody_and_ends_with_a_person(bench: Bench) -> None:
    good, bad = Car("a"), Car("b")
    bench.journal.new = [good.enters(), bad.enters(), unfit(bad.leaves()), good.leaves()]
    biller = bench.biller()
    await biller.step()
    assert bench.observer.booked.bills == 1
    assert list(bench.journal.pending) == ["b-2"]
    assert await biller.redeliver(timedelta(0)) == 0
    assert await biller.redeliver(timedelta(0)) == 1
    assert bench.journal.pending == {}
    why = "the gate named 1700 fen, and the stay costs 1600 fen"
    assert (bench.observer.set_aside, bench.observer.failed) == ([why], [why] * POISON_AFTER)
    assert (await bench.results())["b-1"] == "quarantined"


async def test_a_record_that_was_only_early_is_booked_when_it_comes_again(bench: Bench) -> None:
    car = Car("a")
    entry, exit_, undone = car.enters(), car.leaves(), car.turns_back()
    bench.journal.new = [entry, undone]
    biller = bench.biller()
    await biller.step()
    assert list(bench.journal.pending) == ["a-3"]
    bench.journal.new = [exit_]
    await biller.step()
    assert await biller.redeliver(timedelta(0)) == 1
    assert await bench.pool.fetchval("SELECT state FROM session") == "inside"


async def test_a_message_that_nobody_can_read_is_kept_as_it_came(bench: Bench) -> None:
    raw = {"e": "{\x00\ud800"}
    bench.journal.new = [Unreadable(position="7-0", partition=Partition(3), raw=raw, detail="no JSON")]
    biller = bench.biller()
    await biller.step()
    await biller.redeliver(timedelta(0))
    await biller.redeliver(timedelta(0))
    assert bench.journal.pending == {}
    item = await bench.pool.fetchrow("SELECT item_id, cause, details->>'message' AS message FROM quarantine")
    assert item is not None
    assert (item["item_id"], item["cause"]) == ("message:7-0", "unbookable")
    assert "ud800" in item["message"]


async def test_an_event_that_no_archive_can_hold_is_kept_as_a_message(bench: Bench) -> None:
    entry = Car("a").enters()
    broken = replace(entry, event=replace(entry.event, event_id=EventId("a\x00b")))
    bench.journal.new = [broken, Car("b").enters()]
    biller = bench.biller()
    await biller.step()
    while bench.journal.pending:
        await biller.redeliver(timedelta(0))
    assert await bench.pool.fetchval("SELECT item_id FROM quarantine") == "message:a-1"


async def test_books_that_are_away_hold_it_up_and_lose_nothing(bench: Bench) -> None:
    car = Car("a")
    bench.journal.new = [car.enters(), car.leaves()]
    await bench.biller(OftenAway(bench.pool)).step()
    assert bench.observer.held_up == 3
    assert bench.journal.pending == {}
    assert await bench.pool.fetchval("SELECT count(*) FROM bill") == 1


async def test_books_that_will_not_run_a_statement_are_waited_for_and_no_record_is_put_aside(
    bench: Bench, postgres_dsn: str
) -> None:
    """A record that was put aside is booked by nobody any more, so it must be the record's own fault."""
    bench.journal.new = [Car("a").enters()]
    async with owner_connection(postgres_dsn) as owner, asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        await owner.execute("REVOKE INSERT ON gate_event FROM leave_first_app")
        step = tasks.create_task(bench.biller().step())
        while not bench.observer.held_up and not step.done():  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.01)
        await owner.execute("GRANT INSERT ON gate_event TO leave_first_app")
    assert bench.observer.held_up > 0
    assert (bench.journal.pending, bench.observer.set_aside) == ({}, [])


class Broken(PostgresRecordBooks):
    """Has a fault in the program, for all records or for those of cars called ``bad``."""

    for_all = True

    @override
    async def post(
        self, records: Sequence[Record], tariffs: Mapping[TariffVersionId, Tariff], now: datetime
    ) -> Booked:
        if self.for_all or any(record.event.event_id.startswith("bad") for record in records):
            raise ZeroDivisionError
        return await super().post(records, tariffs, now)


async def test_where_nothing_can_be_booked_records_wait_until_the_program_is_mended(bench: Bench) -> None:
    bench.journal.new = [Car("a").enters(), Car("b").enters()]
    books = Broken(bench.pool)
    biller = bench.biller(books)
    await biller.step()
    for _ in range(2 * POISON_AFTER):
        assert await biller.redeliver(timedelta(0)) == 0
    assert (len(bench.journal.pending), bench.observer.set_aside) == (2, [])
    books.for_all = False
    assert await biller.redeliver(timedelta(0)) == 2
    assert bench.journal.pending == {}


async def test_a_fault_of_the_program_in_one_record_holds_up_no_other(bench: Bench) -> None:
    bench.journal.new = [Car("bad").enters(), Car("good").enters()]
    books = Broken(bench.pool)
    books.for_all = False
    biller = bench.biller(books)
    await biller.step()
    assert await bench.results() == {"good-0": "applied"}
    while bench.journal.pending:
        await biller.redeliver(timedelta(0))
    assert bench.observer.set_aside == ["booking broke: ZeroDivisionError"]
    assert (await bench.results())["bad-0"] == "quarantined"


async def test_a_new_life_books_what_the_last_one_had_read(bench: Bench) -> None:
    car = Car("a")
    bench.journal.new = [car.enters(), car.leaves()]
    await bench.journal.read("biller", 500, timedelta(0))
    await bench.biller().recover()
    assert bench.journal.pending == {}
    assert bench.observer.booked.bills == 1


async def test_deliveries_at_a_start_do_not_make_a_record_a_bad_one(bench: Bench) -> None:
    good, early = Car("a"), Car("b")
    entry, exit_, undone = early.enters(), early.leaves(), early.turns_back()
    bench.journal.new = [entry, undone, good.enters()]
    await bench.journal.read("biller", 500, timedelta(0))
    bench.journal.deliveries["b-3"] = 10
    biller = bench.biller()
    for _ in range(POISON_AFTER):
        await biller.recover()
    assert (list(bench.journal.pending), bench.observer.set_aside) == (["b-3"], [])
    bench.journal.new = [exit_]
    await biller.step()
    assert await biller.redeliver(timedelta(0)) == 1
    assert await bench.pool.fetchval("SELECT state FROM session WHERE entry_event_id = 'b-0'") == "inside"
