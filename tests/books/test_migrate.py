"""Migrations: applied once, in parallel too, and never to a database that is somebody else's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncpg
import pytest
import pytest_asyncio

from parking.errors import Conflict, NotPermitted, Unavailable
from settlement.books.migrate import migrate, owner_connection
from settlement.books.months import GROWING, ensure_months
from settlement.books.pool import open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAY = datetime(2026, 5, 31, 23, tzinfo=UTC)


@pytest_asyncio.fixture
async def owner(empty_postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    async with owner_connection(empty_postgres_dsn) as held:
        yield held


async def test_many_processes_may_start_at_once(empty_postgres_dsn: str, owner: asyncpg.Connection) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(migrate(empty_postgres_dsn, now=MAY))
    numbers = await owner.fetch("SELECT number FROM schema_migration ORDER BY number")
    assert [row["number"] for row in numbers] == list(range(1, len(numbers) + 1))
    await migrate(empty_postgres_dsn, now=MAY)


async def test_months_are_made_ahead_and_an_unprepared_one_is_no_error(
    empty_postgres_dsn: str, owner: asyncpg.Connection
) -> None:
    await migrate(empty_postgres_dsn, now=MAY)
    names = {row["relname"] for row in await owner.fetch("SELECT relname FROM pg_class WHERE relispartition")}
    for table in GROWING:
        assert {f"{table}_2026_04", f"{table}_2026_05", f"{table}_2026_08", f"{table}_default"} <= names
        assert f"{table}_2026_09" not in names
    await insert_entry(owner, datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC))
    await insert_entry(owner, datetime(2026, 12, 1, tzinfo=UTC))
    assert await owner.fetchval("SELECT count(*) FROM ledger_entry_2026_05") == 1
    assert await owner.fetchval("SELECT count(*) FROM ledger_entry_default") == 1


async def test_a_month_that_the_default_partition_holds_is_left_and_named(
    empty_postgres_dsn: str, owner: asyncpg.Connection
) -> None:
    await migrate(empty_postgres_dsn, now=MAY)
    december = datetime(2026, 12, 1, tzinfo=UTC)
    await insert_entry(owner, december)
    assert await ensure_months(owner, december, months_back=0, months_ahead=1) == ["ledger_entry 2026-12"]
    assert await owner.fetchval("SELECT count(*) FROM ledger_entry") == 1


async def test_another_number_of_partitions_is_refused(empty_postgres_dsn: str) -> None:
    await migrate(empty_postgres_dsn, partition_count=64)
    with pytest.raises(Conflict, match="64 partitions"):
        await migrate(empty_postgres_dsn, partition_count=32)


async def test_a_foreign_database_is_refused(empty_postgres_dsn: str, owner: asyncpg.Connection) -> None:
    await owner.execute("CREATE TABLE their_table (x int)")
    with pytest.raises(Conflict, match="their_table"):
        await migrate(empty_postgres_dsn)


async def test_a_newer_schema_is_refused(empty_postgres_dsn: str, owner: asyncpg.Connection) -> None:
    await migrate(empty_postgres_dsn)
    await owner.execute("INSERT INTO schema_migration VALUES (9999, 'later', 'x', now())")
    with pytest.raises(Conflict, match="newer release"):
        await migrate(empty_postgres_dsn)


async def test_an_edited_migration_is_refused(empty_postgres_dsn: str, owner: asyncpg.Connection) -> None:
    await migrate(empty_postgres_dsn)
    await owner.execute("UPDATE schema_migration SET checksum = 'x' WHERE number = 1")
    with pytest.raises(Conflict, match="migration 1"):
        await migrate(empty_postgres_dsn)


async def test_a_user_without_the_right_is_told_what_to_run(
    empty_postgres_dsn: str, owner: asyncpg.Connection
) -> None:
    await migrate(empty_postgres_dsn)
    await owner.execute("CREATE ROLE plain_user LOGIN")
    try:
        with pytest.raises(NotPermitted, match="GRANT leave_first_app"):
            await migrate(f"{empty_postgres_dsn}&role=plain_user")
    finally:
        await owner.execute("DROP ROLE plain_user")


async def test_books_that_cannot_be_reached_are_unavailable() -> None:
    with pytest.raises(Unavailable):
        await migrate("postgresql://nobody@/none?host=/nowhere")
    with pytest.raises(Unavailable):
        async with open_pool("postgresql://nobody@/none?host=/nowhere", size=1, application_name="test"):
            pass


async def insert_entry(owner: asyncpg.Connection, posted_at: datetime) -> None:
    await owner.execute(
        "INSERT INTO ledger_entry VALUES (1, $1, gen_random_uuid(), 1, 'bill_raised', 'a', 'b', 5, 'g')",
        posted_at,
    )
