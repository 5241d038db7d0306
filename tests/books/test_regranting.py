"""When charges end, the drivers' cars that are inside are granted anew."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from parking.errors import Defect, Unavailable
from parking.ids import AccountId
from settlement.books.charges import Charges
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.observe import SilentObserver
from settlement.outcomes import Answered, book_answers
from settlement.rail import Accepted, Declined, Paid
from settlement.regranting import Regranting
from settlement.retry import STANDARD
from tests.books.records import MORNING, TARIFFS, Car

if TYPE_CHECKING:
    from settlement.rail import Answer

DRIVER = AccountId(UUID(int=1))
EVENING = MORNING + timedelta(hours=12)
OPEN_ACCOUNT = "INSERT INTO account VALUES ($1, 'holder', 'active', 10000, 100000, now())"
AGREE = "INSERT INTO agreement VALUES ($1, 'sim', 'r', 1, now())"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Paid(rail_reference="r", amount_fen=1_600, paid_at=EVENING), [{DRIVER}]),
        (Declined(code="ended", hard=True), [{DRIVER}]),
        (Declined(code="no_funds", hard=False), [set()]),
        (Accepted(rail_reference="r"), [set()]),
    ],
)
async def test_the_end_of_a_charge_is_told_and_nothing_else(
    postgres_dsn: str, answer: Answer, told: list[set[AccountId]]
) -> None:
    heard: list[set[AccountId]] = []
    async with open_pool(postgres_dsn, size=2, application_name="test") as pool:
        await pool.execute(OPEN_ACCOUNT, DRIVER)
        await pool.execute(AGREE, DRIVER)
        car = Car("a", account_id=DRIVER)
        await PostgresRecordBooks(pool).post([car.enters(), car.leaves()], TARIFFS, MORNING)
        charges = Charges(pool, owing_changed=lambda accounts: heard.append(set(accounts)))
        (attempt,) = await charges.claim("sim", now=EVENING, claimed_max=9, lease=timedelta(minutes=2))
        answers = [Answered(attempt=attempt, answer=answer)]
        await book_answers(answers, books=charges, schedule=STANDARD, now=EVENING)
    assert heard == told


class Granting:
    """Remembers what it was asked for; fails the first times."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked: list[set[AccountId]] = []
        self.done = asyncio.Event()

    async def __call__(self, *account_ids: AccountId) -> None:
        self.asked.append(set(account_ids))
        if self.failures:
            raise self.failures.pop(0)
        self.done.set()


async def test_accounts_are_passed_on_together_and_again_when_a_store_is_away() -> None:
    regranting, granting = Regranting(gather_s=0.01), Granting(Unavailable("away"))
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        loop = tasks.create_task(regranting.run(granting, SilentObserver()))
        regranting.note([])
        regranting.note([DRIVER])
        regranting.note([DRIVER, AccountId(UUID(int=2))])
        await granting.done.wait()
        loop.cancel()
    assert granting.asked == [{DRIVER, AccountId(UUID(int=2))}] * 2


async def test_a_failure_does_not_end_the_loop() -> None:
    regranting, granting = Regranting(gather_s=0.01, batch=1), Granting(Defect("no"))
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        loop = tasks.create_task(regranting.run(granting, SilentObserver()))
        regranting.note([DRIVER, AccountId(UUID(int=2))])
        await granting.done.wait()
        loop.cancel()
    assert sorted(map(len, granting.asked)) == [1, 1]


async def test_whose_bills_are_raised_or_taken_back_is_told(postgres_dsn: str) -> None:
    heard: list[set[AccountId]] = []
    async with open_pool(postgres_dsn, size=2, application_name="test") as pool:
        await pool.execute(OPEN_ACCOUNT, DRIVER)
        await pool.execute(AGREE, DRIVER)
        car = Car("a", account_id=DRIVER)
        books = PostgresRecordBooks(pool, owing_changed=lambda accounts: heard.append(set(accounts)))
        for record in (car.enters(), car.leaves(), car.turns_back()):
            await books.post([record], TARIFFS, MORNING)
    assert heard == [set(), {DRIVER}, {DRIVER}]
