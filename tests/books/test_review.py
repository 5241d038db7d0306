"""The list of what waits for a person, in real books."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from parking.decision import Reason
from parking.errors import Conflict, NotFound
from parking.ids import AccountId, GarageId, Partition, SessionId
from parking.journal import Unreadable
from settlement.books.accounts import Accounts, Agreement, NewAccount
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.books.prepayments import Prepayment, Prepayments
from settlement.books.review import Reviews
from settlement.record_books import Unbookable
from settlement.review import FIRST_PLACE, Resolution, ReviewItem
from tests.books.operating import NOON, PARTITIONS
from tests.books.records import MORNING, TARIFFS, Car

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from parking.journal import Record

DRIVER = AccountId(UUID(int=1))
EVENING = MORNING + timedelta(hours=12)


@pytest_asyncio.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(postgres_dsn, size=4, application_name="test") as opened:
        yield opened


async def add(pool: asyncpg.Pool, number: int, garage_id: str = "g1") -> None:
    await Prepayments(pool, partition_count=PARTITIONS).report_unused(
        Prepayment(
            prepayment_id=f"p{number}",
            garage_id=GarageId(garage_id),
            session_id=SessionId(UUID(int=number)),
            amount_fen=100,
            method="cash",
            taken_by="m1",
        ),
        NOON + timedelta(minutes=number // 2),
    )


async def pages(reviews: Reviews, *, garage_id: str | None, limit: int) -> list[list[ReviewItem]]:
    found, after = [], FIRST_PLACE
    while page := await reviews.open_items(garage_id=garage_id, cause=None, after=after, limit=limit):
        found.append(page)
        after = page[-1].place
    return found


async def test_pages_hold_every_item_once_oldest_first(pool: asyncpg.Pool) -> None:
    for number in range(7):
        await add(pool, number)
    await add(pool, 8, "g2")
    reviews = Reviews(pool)
    found = await pages(reviews, garage_id="g1", limit=3)
    assert [len(page) for page in found] == [3, 3, 1]
    items = [item for page in found for item in page]
    assert [item.details["prepayment_id"] for item in items] == [f"p{number}" for number in range(7)]
    assert sum(map(len, await pages(reviews, garage_id=None, limit=100))) == 8
    assert await reviews.open_items(garage_id=None, cause="no_entry", limit=10) == []


async def test_an_item_is_resolved_once_and_says_by_whom(pool: asyncpg.Pool) -> None:
    await add(pool, 1)
    reviews = Reviews(pool)
    (item,) = await reviews.open_items(garage_id=None, cause=None, limit=10)

    async def resolve(name: str) -> bool:
        try:
            await reviews.resolve(item, Resolution.DISMISS, resolved_by=name, note="paid back", now=NOON)
        except Conflict:
            return False
        return True

    async with asyncio.TaskGroup() as tasks:
        tries = {name: tasks.create_task(resolve(name)) for name in ("ann", "bob", "eve")}
    (winner,) = [name for name, one in tries.items() if one.result()]
    found = await reviews.one(item.item_id)
    assert (found.resolution, found.resolved_by, found.resolved_at, found.note) == (
        Resolution.DISMISS,
        winner,
        NOON,
        "paid back",
    )
    assert await reviews.open_items(garage_id=None, cause=None, limit=10) == []


class Unsure:
    """A car that left on a plate that was not read surely, and the item about it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.car = Car("a", account_id=DRIVER)
        self.reviews = Reviews(pool)

    async def leaves(self) -> ReviewItem:
        await self.post(self.car.enters(), self.car.leaves(reason=Reason.LOW_CONFIDENCE))
        (item,) = await self.reviews.open_items(garage_id=None, cause="unconfirmed_plate", limit=10)
        return item

    async def post(self, *records: Record) -> None:
        await PostgresRecordBooks(self.pool).post(records, TARIFFS, EVENING)

    async def agree(self) -> None:
        agreements = (Agreement(rail="sim", reference="r2", rank=2), Agreement(rail="sim", reference="r1"))
        account = NewAccount(
            account_id=DRIVER, holder="d", limit_fen=1, exposure_limit_fen=1, agreements=agreements
        )
        await Accounts(self.pool).open([account], MORNING)

    async def resolve(self, item: ReviewItem, resolution: Resolution) -> AccountId | None:
        return await self.reviews.resolve(item, resolution, resolved_by="ann", note=None, now=EVENING)

    async def charges(self) -> list[tuple[str, str | None]]:
        return [tuple(row) for row in await self.pool.fetch("SELECT state, agreement FROM charge")]

    async def bills(self) -> list[tuple[str, str]]:
        return [tuple(row) for row in await self.pool.fetch("SELECT kind, reason FROM bill ORDER BY kind")]

    async def balances(self) -> set[int]:
        rows = await self.pool.fetch("SELECT debit_fen - credit_fen AS fen FROM ledger_account")
        return {row["fen"] for row in rows}


async def test_a_confirmed_plate_is_charged_by_the_first_agreement(pool: asyncpg.Pool) -> None:
    unsure = Unsure(pool)
    await unsure.agree()
    item = await unsure.leaves()
    assert await unsure.resolve(item, Resolution.CONFIRM) == DRIVER
    assert await unsure.charges() == [("due", "r1")]
    assert (await unsure.reviews.one(item.item_id)).resolution is Resolution.CONFIRM
    for late in (Resolution.CONFIRM, Resolution.DISMISS):
        with pytest.raises(Conflict):
            await unsure.resolve(item, late)
    assert await unsure.charges() == [("due", "r1")]
    with pytest.raises(asyncpg.PostgresError, match="written once"):
        await pool.execute("UPDATE charge SET agreement = 'r2'")


async def test_a_plate_whose_driver_agreed_to_nothing_cannot_be_confirmed(pool: asyncpg.Pool) -> None:
    unsure = Unsure(pool)
    item = await unsure.leaves()
    with pytest.raises(Conflict):
        await unsure.resolve(item, Resolution.CONFIRM)
    assert await unsure.charges() == [("unassigned", None)]
    assert (await unsure.reviews.one(item.item_id)).resolution is None


async def test_a_dismissed_plate_costs_nobody_anything(pool: asyncpg.Pool) -> None:
    unsure = Unsure(pool)
    await unsure.agree()
    item = await unsure.leaves()
    await unsure.resolve(item, Resolution.DISMISS)
    assert await unsure.charges() == [("voided", None)]
    assert await unsure.bills() == [("bill", "low_confidence"), ("credit_note", "dismissed")]
    assert await unsure.balances() == {0}
    with pytest.raises(Conflict):
        await unsure.resolve(item, Resolution.DISMISS)
    await unsure.post(unsure.car.turns_back())
    await unsure.post(unsure.car.leaves(timedelta(hours=3)))
    assert sorted(await unsure.charges()) == [("due", "r1"), ("voided", None)]


async def test_an_exit_that_was_undone_is_dismissed_without_a_second_credit_note(pool: asyncpg.Pool) -> None:
    unsure = Unsure(pool)
    item = await unsure.leaves()
    await unsure.post(unsure.car.turns_back())
    with pytest.raises(Conflict):
        await unsure.resolve(item, Resolution.CONFIRM)
    await unsure.resolve(item, Resolution.DISMISS)
    assert await unsure.bills() == [("bill", "low_confidence"), ("credit_note", "turn_back")]


async def test_two_people_cannot_settle_one_exit_both_ways(pool: asyncpg.Pool) -> None:
    unsure = Unsure(pool)
    await unsure.agree()
    item = await unsure.leaves()

    async def settled(resolution: Resolution) -> bool:
        try:
            await unsure.resolve(item, resolution)
        except Conflict:
            return False
        return True

    async with asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(settled(one)) for one in (Resolution.CONFIRM, Resolution.DISMISS)]
    assert sum(one.result() for one in both) == 1
    ((state, _),) = await unsure.charges()
    assert (state == "due") == both[0].result()


async def test_a_message_of_no_known_garage_can_be_resolved(pool: asyncpg.Pool) -> None:
    unreadable = Unreadable(partition=Partition(5), position="1-1", raw={"x": "y"}, detail="bad")
    await PostgresRecordBooks(pool).keep_aside(Unbookable(record=unreadable, detail="bad"), NOON)
    reviews = Reviews(pool)
    (item,) = await reviews.open_items(garage_id=None, cause=None, limit=10)
    assert (await reviews.one(item.item_id)).partition == item.partition == 5
    await reviews.resolve(item, Resolution.DISMISS, resolved_by="ann", note=None, now=NOON)
    assert await reviews.open_items(garage_id=None, cause=None, limit=10) == []


async def test_an_unknown_item_is_not_found(pool: asyncpg.Pool) -> None:
    with pytest.raises(NotFound):
        await Reviews(pool).one("event:g1/none")
