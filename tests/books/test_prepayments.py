"""Prepayments in real books: booked once, with their ledger entry."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from parking.errors import Conflict, InvalidInput
from parking.ids import SessionId
from settlement.books.pool import open_pool
from settlement.books.prepayments import Prepayment, Prepayments
from settlement.books.review import Reviews
from tests.books.operating import GARAGE, NOON, PARTITIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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


async def test_one_that_came_too_late_waits_for_a_person(pool: asyncpg.Pool) -> None:
    prepayments = Prepayments(pool, partition_count=PARTITIONS)
    await prepayments.report_unused(PAID, NOON)
    await prepayments.report_unused(PAID, NOON)
    items = await Reviews(pool, partition_count=PARTITIONS).open_items(garage_id=GARAGE, cause=None, limit=10)
    assert [(item.cause, item.details["amount_fen"]) for item in items] == [("prepaid_after_exit", 800)]
