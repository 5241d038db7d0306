"""What operators see of real books."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import pytest_asyncio

from parking.clock import from_ms
from parking.errors import NotFound
from parking.ids import SessionId
from parking.session import State
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.books.views import LAST_PLACE, Views
from tests.books.records import GARAGE, MORNING, TARIFFS, Car

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from parking.journal import Record
    from settlement.books.pool import Pool
    from settlement.books.views import SessionView

PARTITIONS = 64
EVER = from_ms(0)


@pytest_asyncio.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    async with open_pool(postgres_dsn, size=3, application_name="test") as opened:
        yield opened


async def book(pool: Pool, *records: Record) -> None:
    for record in records:
        await PostgresRecordBooks(pool).post([record], TARIFFS, MORNING + timedelta(hours=5))


async def listed(pool: Pool, *states: State, limit: int = 100) -> list[SessionView]:
    return await Views(pool, partition_count=PARTITIONS).sessions_of_garage(
        GARAGE, states=states or tuple(State), entered_from=EVER, before=LAST_PLACE, limit=limit
    )


async def test_a_session_file_holds_bill_credit_note_and_charges(pool: Pool) -> None:
    car = Car("a")
    await book(
        pool,
        car.enters(),
        car.leaves(timedelta(minutes=90)),
        car.turns_back(timedelta(minutes=92)),
        car.leaves(timedelta(minutes=150)),
    )
    file = await Views(pool, partition_count=PARTITIONS).session_file(car.session.session_id)
    assert file.session.state is State.CLOSED
    assert [(bill.version, bill.kind, bill.amount_fen) for bill in file.bills] == [
        (1, "bill", 1200),
        (1, "credit_note", 1200),
        (2, "bill", 2000),
    ]
    assert file.bills[1].credits_bill_id == file.bills[0].bill_id
    assert {charge.bill_id: charge.state for charge in file.charges} == {
        file.bills[0].bill_id: "voided",
        file.bills[2].bill_id: "unassigned",
    }
    assert file.prepayments == []


async def test_states_and_times_select(pool: Pool) -> None:
    inside, gone = Car("a"), Car("b", entered_at=MORNING + timedelta(minutes=1))
    await book(pool, inside.enters(), gone.enters(), gone.leaves(timedelta(minutes=30)))
    assert [one.session_id for one in await listed(pool)] == [
        gone.session.session_id,
        inside.session.session_id,
    ]
    assert [one.state for one in await listed(pool, State.INSIDE)] == [State.INSIDE]
    assert len(await listed(pool, limit=1)) == 1
    views = Views(pool, partition_count=PARTITIONS)
    number = inside.session.plate.number
    for garage_id, found in ((None, 1), (GARAGE, 1), ("other", 0)):
        page = await views.sessions_of_plate(
            number,
            garage_id=garage_id,
            states=tuple(State),
            entered_from=MORNING,
            before=LAST_PLACE,
            limit=10,
        )
        assert len(page) == found


async def test_the_overview_counts_what_is_since_a_moment(pool: Pool) -> None:
    car = Car("a")
    await book(pool, car.enters(), car.leaves(timedelta(minutes=90)))
    views = Views(pool, partition_count=PARTITIONS)
    overview = await views.overview(MORNING)
    assert (overview.events, overview.bills, overview.billed_fen) == ({"applied": 2}, 1, 1200)
    later = await views.overview(MORNING + timedelta(days=1))
    assert (later.events, later.bills, later.sessions_inside) == ({}, 0, 0)


async def test_an_unknown_session_is_not_found(pool: Pool) -> None:
    views = Views(pool, partition_count=PARTITIONS)
    assert await views.session(SessionId(UUID(int=1))) is None
    with pytest.raises(NotFound):
        await views.session_file(SessionId(UUID(int=1)))
