"""Months are made while a process runs, and whoever may not make them says so once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from gateways.month_keeper import keep_months
from settlement.books.migrate import owner_connection
from tests.books.charging import HandClock

if TYPE_CHECKING:
    import asyncpg

FAR = HandClock(datetime(2031, 6, 15, tzinfo=UTC))
keep = partial(keep_months, archive_months=13)
MADE = "SELECT to_regclass('bill_2031_09') IS NOT NULL"


async def until_made(owner: asyncpg.Connection) -> None:
    async with asyncio.timeout(10):
        while not await owner.fetchval(MADE):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)


async def test_months_are_made_as_soon_as_nobody_is_in_the_way(postgres_dsn: str) -> None:
    async with owner_connection(postgres_dsn) as owner, owner_connection(postgres_dsn) as reader:
        with capture_logs() as logs:
            async with asyncio.TaskGroup() as tasks:
                async with reader.transaction():
                    await reader.fetch("SELECT FROM bill")
                    keeper = tasks.create_task(keep(postgres_dsn, FAR, retry_s=0.01))
                    async with asyncio.timeout(10):
                        while not logs:  # noqa: ASYNC110 - a log is no event
                            await asyncio.sleep(0.01)
                    assert not await owner.fetchval(MADE)
                await until_made(owner)
                keeper.cancel()
    assert logs[0]["event"] == "months_in_use"


async def test_whoever_is_not_the_owner_says_so_once(postgres_dsn: str) -> None:
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            keeper = tasks.create_task(keep(f"{postgres_dsn}&role=leave_first_app", FAR, every_s=0.01))
            await asyncio.sleep(0.5)
            keeper.cancel()
    assert [log["event"] for log in logs] == ["months_need_the_owner"]


async def test_books_that_are_away_are_tried_again() -> None:
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            keeper = tasks.create_task(keep("postgresql://no@/no?host=/nowhere", FAR, retry_s=0.01))
            await asyncio.sleep(0.3)
            keeper.cancel()
    assert {log["event"] for log in logs} == {"months_not_made"}
    assert len(logs) > 1
