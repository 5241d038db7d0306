"""The list of what waits for a person, in real books."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import pytest_asyncio

from parking.errors import Conflict, NotFound
from parking.ids import GarageId, SessionId
from settlement.books.pool import open_pool
from settlement.books.prepayments import Prepayment, Prepayments
from settlement.books.review import FIRST_PLACE, Resolution, ReviewItem, Reviews
from tests.books.operating import NOON, PARTITIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg


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
    reviews = Reviews(pool, partition_count=PARTITIONS)
    found = await pages(reviews, garage_id="g1", limit=3)
    assert [len(page) for page in found] == [3, 3, 1]
    items = [item for page in found for item in page]
    assert [item.details["prepayment_id"] for item in items] == [f"p{number}" for number in range(7)]
    assert sum(map(len, await pages(reviews, garage_id=None, limit=100))) == 8
    assert await reviews.open_items(garage_id=None, cause="no_entry", limit=10) == []


async def test_an_item_is_resolved_once_and_says_by_whom(pool: asyncpg.Pool) -> None:
    await add(pool, 1)
    reviews = Reviews(pool, partition_count=PARTITIONS)
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


async def test_an_unknown_item_is_not_found(pool: asyncpg.Pool) -> None:
    with pytest.raises(NotFound):
        await Reviews(pool, partition_count=PARTITIONS).one("event:g1/none")
