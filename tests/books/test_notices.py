"""The desk for notices: many callers, few statements, and one bad notice spoils no other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from typing_extensions import override

from parking.errors import Busy, Defect, LeaveFirstError, Unavailable
from settlement.charge import Direction
from settlement.notices import WAITING_MAX, Notice, NoticeDesk, Receipt, notice_desk
from settlement.rail import Paid
from settlement.retry import STANDARD
from tests.books.charging import NOON, RAIL, ChargeBooks, HandClock, open_books
from tests.books.collecting import MINUTE, WAIT_S, FlakyBooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from datetime import datetime

    from settlement.charge import Attempt, ChargeId, Move
    from settlement.outcomes import OutcomeBooks

PAID = Paid(rail_reference="r-1", amount_fen=1000, paid_at=NOON)


class Statements(FlakyBooks):
    """Remembers how many moves each posting had."""

    def __init__(self, books: ChargeBooks) -> None:
        super().__init__(books.charges)
        self.posted: list[int] = []

    @override
    async def post_moves(self, moves: Sequence[Move], now: datetime) -> Collection[ChargeId]:
        self.posted.append(len(moves))
        return await super().post_moves(moves, now)


@pytest_asyncio.fixture
async def books(postgres_dsn: str) -> AsyncIterator[ChargeBooks]:
    async with open_books(postgres_dsn) as opened:
        yield opened


async def claimed(books: ChargeBooks, count: int) -> list[Attempt]:
    await books.add(count)
    return list(await books.charges.claim(RAIL, now=NOON, claimed_max=count, lease=2 * MINUTE))


def about(attempt: Attempt) -> Notice:
    return Notice(rail=RAIL, direction=Direction.COLLECT, attempt_key=attempt.key, answer=PAID)


async def told(desk: NoticeDesk, *notices: Notice) -> list[Receipt | LeaveFirstError]:
    """What each of many senders at once hears."""

    async def one(notice: Notice) -> Receipt | LeaveFirstError:
        try:
            return await desk.take(notice)
        except LeaveFirstError as error:
            return error

    async with asyncio.TaskGroup() as senders:
        tasks = [senders.create_task(one(notice)) for notice in notices]
    return [task.result() for task in tasks]


async def taken(books: OutcomeBooks, *notices: Notice) -> list[Receipt | LeaveFirstError]:
    async with notice_desk(books=books, schedule=STANDARD, clock=HandClock()) as desk:
        return await told(desk, *notices)


async def test_notices_that_come_together_are_booked_together(books: ChargeBooks) -> None:
    attempts = await claimed(books, 20)
    counting = Statements(books)
    stranger = Notice(rail=RAIL, direction=Direction.COLLECT, attempt_key="never", answer=PAID)
    receipts = await taken(counting, *map(about, attempts), about(attempts[0]), stranger)
    assert receipts == [Receipt.BOOKED] * 20 + [Receipt.KNOWN, Receipt.NOT_OURS]
    assert counting.posted == [20]
    assert await books.states() == {"paid": 20}
    assert await books.balances() == {"rail_clearing": 20_000, "garage_payable": -20_000}


async def test_a_notice_that_the_books_refuse_spoils_no_other(books: ChargeBooks) -> None:
    bad, *good = await claimed(books, 5)
    receipts = await taken(
        FlakyBooks(books.charges, poisoned=bad.charge.charge_id), *map(about, (bad, *good))
    )
    assert isinstance(receipts[0], Defect)
    assert receipts[1:] == [Receipt.BOOKED] * 4
    assert await books.states() == {"sent": 1, "paid": 4}


async def test_with_the_books_away_every_sender_is_told_and_may_send_again(books: ChargeBooks) -> None:
    attempts = await claimed(books, 3)
    flaky = FlakyBooks(books.charges, away=True)
    async with notice_desk(books=flaky, schedule=STANDARD, clock=HandClock()) as desk:
        assert [type(one) for one in await told(desk, *map(about, attempts))] == [Unavailable] * 3
        flaky.away = False
        assert await told(desk, *map(about, attempts)) == [Receipt.BOOKED] * 3
    assert await books.states() == {"paid": 3}


async def test_a_sender_that_goes_away_does_not_stop_the_others(books: ChargeBooks) -> None:
    gone, stays = await claimed(books, 2)
    async with (
        notice_desk(books=books.charges, schedule=STANDARD, clock=HandClock()) as desk,
        asyncio.TaskGroup() as senders,
    ):
        impatient = senders.create_task(desk.take(about(gone)))
        patient = senders.create_task(desk.take(about(stays)))
        await asyncio.sleep(0)
        impatient.cancel()
    assert impatient.cancelled()
    assert patient.result() == Receipt.BOOKED
    assert await books.states() == {"paid": 2}


async def test_a_desk_that_closes_leaves_nobody_waiting(books: ChargeBooks) -> None:
    (attempt,) = await claimed(books, 1)
    async with (
        asyncio.timeout(WAIT_S),
        asyncio.TaskGroup() as senders,
        notice_desk(books=books.charges, schedule=STANDARD, clock=HandClock()) as desk,
    ):
        waiting = senders.create_task(desk.take(about(attempt)))
        await asyncio.sleep(0)
    assert waiting.cancelled()


async def test_a_full_desk_says_so(books: ChargeBooks) -> None:
    (attempt,) = await claimed(books, 1)
    desk = NoticeDesk(books=books.charges, schedule=STANDARD, clock=HandClock())
    async with asyncio.TaskGroup() as senders:
        waiting = [senders.create_task(desk.take(about(attempt))) for _ in range(WAITING_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await desk.take(about(attempt))
        for one in waiting:
            one.cancel()
