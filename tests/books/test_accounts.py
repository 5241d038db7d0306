"""Accounts in real books: opened once, a plate with one of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import pytest_asyncio

from parking.errors import Conflict, InvalidInput, NotFound
from parking.ids import AccountId
from parking.plate import UNREADABLE, Colour, Plate, parse_plate
from settlement.books.accounts import Accounts, AccountState, Agreement, Opened
from settlement.books.pool import open_pool
from tests.books.operating import NOON, new_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PLATE = parse_plate("浙A12345", Colour.BLUE)


@pytest_asyncio.fixture
async def accounts(postgres_dsn: str) -> AsyncIterator[Accounts]:
    async with open_pool(postgres_dsn, size=4, application_name="test") as pool:
        yield Accounts(pool)


async def test_an_opened_account_is_active_with_its_plates_and_agreements(accounts: Accounts) -> None:
    opened = new_account(1, PLATE.number, "浙B00001")
    assert await accounts.open([opened], NOON) == [Opened.OPENED]
    found = await accounts.one(opened.account_id)
    assert (found.state, found.holder, found.limit_fen) == (AccountState.ACTIVE, "holder 1", 5_000)
    assert set(found.plates) == set(opened.plates)
    assert found.agreements == opened.agreements
    assert await accounts.of_plate(PLATE.number) == {Colour.BLUE: opened.account_id}


async def test_opening_again_says_whether_it_is_the_same(accounts: Accounts) -> None:
    one = new_account(1, PLATE.number)
    await accounts.open([one], NOON)
    others = (
        replace(one, holder="another"),
        replace(one, limit_fen=1),
        replace(one, plates=(*one.plates, parse_plate("浙B00001", Colour.BLUE))),
        replace(one, agreements=(Agreement(rail="simulator", reference="other"),)),
    )
    assert await accounts.open([one], NOON) == [Opened.OPENED_BEFORE]
    assert [await accounts.open([other], NOON) for other in others] == [[Opened.EXISTS]] * len(others)
    assert (await accounts.one(one.account_id)).holder == "holder 1"


async def test_a_batch_opens_what_it_can(accounts: Accounts) -> None:
    await accounts.open([new_account(1, PLATE.number)], NOON)
    batch = [
        new_account(1, PLATE.number),
        new_account(2, PLATE.number, "浙B00002"),
        new_account(3, "浙B00003"),
        new_account(4, "浙B00004"),
        new_account(5, "浙B00004"),
        new_account(6),
    ]
    assert await accounts.open(batch, NOON) == [
        Opened.OPENED_BEFORE,
        Opened.PLATE_TAKEN,
        Opened.OPENED,
        Opened.PLATE_TAKEN,
        Opened.PLATE_TAKEN,
        Opened.OPENED,
    ]
    assert await accounts.of_plate("浙B00002") == {}
    with pytest.raises(NotFound):
        await accounts.one(AccountId(UUID(int=2)))


async def test_ten_thousand_accounts_open_in_a_few_statements(accounts: Accounts) -> None:
    batch = [new_account(number, f"浙A{number:05d}") for number in range(1, 10_001)]
    async with asyncio.timeout(20):
        results = await accounts.open(batch[:5_000], NOON) + await accounts.open(batch[5_000:], NOON)
        assert set(results) == {Opened.OPENED}
        assert set(await accounts.open(batch, NOON)) == {Opened.OPENED_BEFORE}


async def test_a_plate_is_bound_to_one_account(accounts: Accounts) -> None:
    one, two = new_account(1), new_account(2)
    await accounts.open([one, two], NOON)
    await accounts.bind(one.account_id, PLATE, NOON)
    await accounts.bind(one.account_id, PLATE, NOON)
    with pytest.raises(Conflict):
        await accounts.bind(two.account_id, PLATE, NOON)
    await accounts.bind(two.account_id, Plate(number=PLATE.number, colour=Colour.YELLOW), NOON)
    with pytest.raises(NotFound):
        await accounts.unbind(two.account_id, PLATE, NOON)
    await accounts.unbind(one.account_id, PLATE, NOON)
    await accounts.bind(two.account_id, PLATE, NOON)
    assert await accounts.of_plate(PLATE.number) == dict.fromkeys(
        [Colour.BLUE, Colour.YELLOW], two.account_id
    )


async def test_of_two_who_bind_a_plate_at_the_same_time_one_wins(accounts: Accounts) -> None:
    opened = [new_account(number) for number in range(1, 5)]
    await accounts.open(opened, NOON)

    async def try_to_bind(account_id: AccountId) -> bool:
        try:
            await accounts.bind(account_id, PLATE, NOON)
        except Exception:  # noqa: BLE001 - whatever the loser is told, he has lost
            return False
        return True

    async with asyncio.TaskGroup() as tasks:
        tries = [tasks.create_task(try_to_bind(one.account_id)) for one in opened]
    assert sorted(one.result() for one in tries) == [False, False, False, True]


async def test_limits_and_state_change_and_closing_is_final(accounts: Accounts) -> None:
    opened = new_account(1)
    await accounts.open([opened], NOON)
    await accounts.change(opened.account_id, limit_fen=0)
    await accounts.change(opened.account_id, state=AccountState.SUSPENDED)
    found = await accounts.one(opened.account_id)
    assert (found.limit_fen, found.exposure_limit_fen, found.state) == (0, 50_000, AccountState.SUSPENDED)
    await accounts.change(opened.account_id, state=AccountState.CLOSED)
    with pytest.raises(Conflict):
        await accounts.change(opened.account_id, state=AccountState.ACTIVE)
    with pytest.raises(Conflict):
        await accounts.bind(opened.account_id, PLATE, NOON)
    with pytest.raises(NotFound):
        await accounts.change(AccountId(UUID(int=99)), limit_fen=1)


async def test_what_cannot_be_an_account_is_refused(accounts: Accounts) -> None:
    with pytest.raises(InvalidInput):
        new_account(1, limit_fen=-1)
    with pytest.raises(InvalidInput):
        new_account(1, PLATE.number, PLATE.number)
    with pytest.raises(InvalidInput):
        new_account(1, UNREADABLE)
    with pytest.raises(InvalidInput):
        await accounts.open([new_account(1), new_account(1)], NOON)
