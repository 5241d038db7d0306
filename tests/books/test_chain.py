"""The ledger's chain: what is sealed cannot be changed without being found, whoever has the right to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import pytest_asyncio

from parking.errors import LeaveFirstError
from parking.ids import AccountId, GarageId
from settlement.books.chain import PostgresChainBooks
from settlement.books.chain_check import LEDGER_IS_CHAINED, broken_links
from settlement.books.migrate import owner_connection
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.books.verifying import PostgresVerifiableBooks
from settlement.observe import SilentObserver
from settlement.sealer import Sealer, SealerSettings
from tests.books.records import MORNING, TARIFFS, Car
from tests.scenarios.stage import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from settlement.books.pool import Pool

ACCOUNT = AccountId(UUID(int=1))
HOUR = timedelta(hours=1)
AT_ONCE = SealerSettings(settled_s=0.0)
ONE_MORE = """
INSERT INTO ledger_entry
SELECT partition, posted_at + interval '1 minute', gen_random_uuid(), line, kind, debit_account,
       credit_account, amount_fen, garage_id, bill_id
FROM ledger_entry WHERE {second}
"""
LINKS = "SELECT partition, link_no, entries FROM ledger_link ORDER BY link_no"


@pytest_asyncio.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    async with open_pool(postgres_dsn, size=3, application_name="test") as opened:
        yield opened


async def a_ledger(pool: Pool) -> Sealer:
    """Three links of one garage: two bills, one, and one."""
    clock = ManualClock(MORNING + 3 * HOUR)
    sealer = Sealer(books=PostgresChainBooks(pool), clock=clock, observer=SilentObserver(), settings=AT_ONCE)
    for names in ("ab", "c", "d"):
        for name in names:
            await post(pool, name, clock)
        clock.moment += HOUR
        assert await sealer.step() > 0
    return sealer


async def post(pool: Pool, name: str, clock: ManualClock) -> None:
    car = Car(name, account_id=ACCOUNT)
    await PostgresRecordBooks(pool).post([car.enters(), car.leaves()], TARIFFS, clock.now())


async def named_links(pool: Pool) -> list[str]:
    """The numbers of the links that verification names; the same whether it takes one or many at a time."""
    found = [
        one for one in await PostgresVerifiableBooks(pool).violations() if one.check == LEDGER_IS_CHAINED
    ]
    assert await broken_links(pool, piece_entries=1) == found
    return [one.item_id.partition("/")[2] for one in found]


async def test_every_entry_is_in_one_link(pool: Pool) -> None:
    sealer = await a_ledger(pool)
    links = await pool.fetch(LINKS)
    assert [row["link_no"] for row in links] == [1, 2, 3]
    assert sum(row["entries"] for row in links) == await pool.fetchval("SELECT count(*) FROM ledger_entry")
    assert await sealer.step() == 0
    assert await PostgresVerifiableBooks(pool).violations() == []


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        ("UPDATE ledger_entry SET amount_fen = amount_fen + 1 WHERE garage_id = 'west' AND {second}", ["2"]),
        ("UPDATE ledger_entry SET garage_id = 'East' WHERE {second}", ["2"]),
        ("UPDATE ledger_entry SET charge_id = gen_random_uuid() WHERE {second}", ["2"]),
        ("DELETE FROM ledger_entry WHERE {second}", ["2"]),
        (ONE_MORE, ["2"]),
        ("UPDATE ledger_link SET digest = sha256(digest) WHERE link_no = 1", ["1", "2"]),
        ("DELETE FROM ledger_link WHERE link_no = 2", ["3"]),
        ("UPDATE ledger_entry SET partition = 99 WHERE {second}", ["2", "-"]),
    ],
)
async def test_whatever_is_tampered_with_is_found_and_named(
    postgres_dsn: str, pool: Pool, tampering: str, named: list[str]
) -> None:
    await a_ledger(pool)
    second = f"posted_at = '{MORNING + 4 * HOUR}'"
    async with owner_connection(postgres_dsn) as owner:
        done = await owner.execute(tampering.format(second=second))
    assert not done.endswith(" 0")
    assert await named_links(pool) == named


async def test_an_entry_of_a_partition_without_links_is_found_behind_the_last_link_of_all(pool: Pool) -> None:
    await a_ledger(pool)
    quiet = Car("q", account_id=ACCOUNT, garage_id=GarageId("elsewhere"))
    books = PostgresRecordBooks(pool)
    await books.post([quiet.enters(), quiet.leaves()], TARIFFS, MORNING + 4 * HOUR)
    assert await named_links(pool) == ["-"]


async def test_the_application_can_change_no_link(pool: Pool) -> None:
    await a_ledger(pool)
    for change in ("UPDATE ledger_link SET entries = 0", "DELETE FROM ledger_link"):
        with pytest.raises(Exception, match="permission denied"):
            await pool.execute(change)


async def test_what_may_still_be_under_way_is_not_sealed(pool: Pool) -> None:
    clock = ManualClock(MORNING + 3 * HOUR)
    settings = SealerSettings(settled_s=0.2)
    sealer = Sealer(books=PostgresChainBooks(pool), clock=clock, observer=SilentObserver(), settings=settings)
    await sealer.step()
    await post(pool, "a", clock)
    await asyncio.sleep(settings.settled_s)
    clock.moment += HOUR
    assert await sealer.step() == 0, "it was posted after the reading that is old enough"
    await asyncio.sleep(settings.settled_s)
    assert await sealer.step() > 0


async def test_a_link_holds_an_hour_at_most(pool: Pool) -> None:
    clock = ManualClock(MORNING + 3 * HOUR)
    for name in "abc":
        await post(pool, name, clock)
        clock.moment += HOUR
    sealer = Sealer(books=PostgresChainBooks(pool), clock=clock, observer=SilentObserver(), settings=AT_ONCE)
    sealed = [await sealer.step() for _ in range(4)]
    assert [count > 0 for count in sealed] == [True, True, True, False]
    assert await named_links(pool) == []


async def test_two_sealers_at_once_seal_once(pool: Pool) -> None:
    clock = ManualClock(MORNING + 3 * HOUR)
    for name in "abcdef":
        await post(pool, name, clock)
    clock.moment += HOUR
    books = PostgresChainBooks(pool)

    async def seal() -> None:
        with suppress(LeaveFirstError):
            await books.seal(clock.now(), clock.now())

    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(seal())
    links = await pool.fetch(LINKS)
    assert sum(row["entries"] for row in links) == await pool.fetchval("SELECT count(*) FROM ledger_entry")
    assert await named_links(pool) == []
