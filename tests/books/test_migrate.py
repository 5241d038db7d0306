"""Migrations: applied once, in parallel too, and never to a database that is somebody else's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from parking.errors import Conflict, NotPermitted, Unavailable
from settlement.books.migrate import migrate, owner_connection
from settlement.books.months import GROWING, drop_archive, ensure_months
from settlement.books.pool import APP_ROLE, open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAY = datetime(2026, 5, 31, 23, tzinfo=UTC)
INSERT_EVENT = """
INSERT INTO gate_event (
    partition, captured_at, garage_id, event_id, lane_id, kind, received_at, number, colour, confidence,
    offline, verdict, reason, amount_fen, limit_fen, result, archived_at
) VALUES (1, $1, 'G', 'e', 'in', 'entry', $1, 'A1', 'blue', 1, false, 'open', 'entry', 0, 0, 'applied', $1)
"""


@pytest_asyncio.fixture
async def owner(empty_postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    async with owner_connection(empty_postgres_dsn) as held:
        yield held


async def test_migrations_bear_their_numbers(empty_postgres_dsn: str, owner: asyncpg.Connection) -> None:
    """They are applied by their place, so two of one number would move all that follow."""
    await migrate(empty_postgres_dsn)
    applied = await owner.fetch("SELECT number, name FROM schema_migration ORDER BY number")
    assert [int(row["name"].partition("_")[0]) for row in applied] == [row["number"] for row in applied]


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


async def test_a_month_that_the_default_partition_holds_is_split_off_with_its_rows(
    empty_postgres_dsn: str, owner: asyncpg.Connection
) -> None:
    await migrate(empty_postgres_dsn, now=MAY)
    december = datetime(2026, 12, 1, tzinfo=UTC)
    for posted_at in (december, datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)):
        await insert_entry(owner, posted_at)
    assert await ensure_months(owner, december, months_back=0, months_ahead=1) == []
    rows = await owner.fetch("SELECT tableoid::regclass::text AS name, count(*) FROM ledger_entry GROUP BY 1")
    assert {row["name"]: row["count"] for row in rows} == {
        "ledger_entry_2026_12": 2,
        "ledger_entry_default": 1,
    }
    parted = "SELECT indexdef FROM pg_indexes WHERE tablename = $1"
    assert len(await owner.fetch(parted, "ledger_entry_2026_12")) == len(
        await owner.fetch(parted, "ledger_entry_2026_05")
    )


async def test_the_archive_is_dropped_by_the_month_and_nothing_else_is(
    empty_postgres_dsn: str, owner: asyncpg.Connection
) -> None:
    await migrate(empty_postgres_dsn, now=MAY)
    kept_from = datetime(2026, 4, 1, tzinfo=UTC)
    for captured_at in (datetime(2020, 1, 1, tzinfo=UTC), kept_from - timedelta(seconds=1), kept_from, MAY):
        await owner.execute(INSERT_EVENT, captured_at)
    await insert_entry(owner, datetime(2020, 1, 1, tzinfo=UTC))
    assert await drop_archive(owner, MAY, months_kept=1) == []
    assert await owner.fetchval("SELECT min(captured_at) FROM gate_event") == kept_from
    june = datetime(2026, 6, 1, tzinfo=UTC)
    assert await drop_archive(owner, june, months_kept=1) == ["gate_event_2026_04"]
    assert await owner.fetchval("SELECT array_agg(captured_at) FROM gate_event") == [MAY]
    assert await owner.fetchval("SELECT archived_from FROM installation") == datetime(2026, 5, 1, tzinfo=UTC)
    assert await owner.fetchval("SELECT count(*) FROM ledger_entry") == 1


async def test_the_archive_is_left_for_later_while_somebody_reads_it(
    empty_postgres_dsn: str, owner: asyncpg.Connection
) -> None:
    await migrate(empty_postgres_dsn, now=MAY)
    later = datetime(2026, 9, 1, tzinfo=UTC)
    async with owner_connection(empty_postgres_dsn) as reader:
        async with reader.transaction():
            await reader.fetch("SELECT FROM gate_event")
            assert await drop_archive(owner, later, months_kept=1) is None
        assert await drop_archive(owner, later, months_kept=1) != []


async def test_only_the_owner_drops_the_archive(empty_postgres_dsn: str) -> None:
    await migrate(empty_postgres_dsn, now=MAY)
    async with owner_connection(f"{empty_postgres_dsn}&role=leave_first_app") as app:
        with pytest.raises(NotPermitted):
            await drop_archive(app, MAY, months_kept=1)


async def test_a_month_is_left_for_later_while_somebody_reads_and_nobody_waits_long(
    empty_postgres_dsn: str, owner: asyncpg.Connection
) -> None:
    """A verification reads for minutes; a schema change that waits for it would stop all bookings."""
    await migrate(empty_postgres_dsn, now=MAY)
    december = datetime(2026, 12, 1, tzinfo=UTC)
    async with owner_connection(empty_postgres_dsn) as reader, owner_connection(empty_postgres_dsn) as booker:
        async with reader.transaction(isolation="repeatable_read", readonly=True):
            await reader.fetch("SELECT FROM ledger_entry")
            async with asyncio.timeout(10), asyncio.TaskGroup() as group:
                made = group.create_task(ensure_months(owner, december, months_back=0, months_ahead=1))
                await asyncio.sleep(0.2)
                await insert_entry(booker, december)
        assert made.result() == ["ledger_entry 2026-12"]
        assert await ensure_months(owner, december, months_back=0, months_ahead=1) == []
    assert await owner.fetchval("SELECT count(*) FROM ledger_entry_2026_12") == 1


async def test_only_the_owner_makes_months(empty_postgres_dsn: str, owner: asyncpg.Connection) -> None:
    await migrate(empty_postgres_dsn, now=MAY)
    await owner.execute(f"SET ROLE {APP_ROLE}")
    with pytest.raises(NotPermitted, match="owner"):
        await ensure_months(owner, datetime(2026, 12, 1, tzinfo=UTC))


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


async def test_a_server_without_the_database_is_not_waited_for(empty_postgres_dsn: str) -> None:
    elsewhere = urlsplit(empty_postgres_dsn)._replace(path="/nowhere").geturl()
    with pytest.raises(NotPermitted, match='database "nowhere" does not exist'):
        await migrate(elsewhere)


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
