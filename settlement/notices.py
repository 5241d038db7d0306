"""Takes in what a rail reports by itself.

A notice is an answer that nobody asked for: it may overtake the call's own answer, come again, or come
days late, and it is booked as any other answer. Whoever calls this has verified that the rail sent it. A
notice about an attempt that is not ours (another installation's, a restored backup's) is reported as such
and moves nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, assert_never

from parking.errors import Busy, DependencyError
from settlement.charge import Contradiction, Known, Move
from settlement.outcomes import Answered, book_answers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from parking.clock import Clock
    from settlement.charge import Attempt, Direction
    from settlement.outcomes import Decision, OutcomeBooks
    from settlement.rail import Declined, Paid
    from settlement.retry import Schedule

__all__ = ["Notice", "NoticeDesk", "Receipt", "notice_desk", "take_notices"]

GATHER_S: Final = 0.03
"""How long notices gather; no rail minds."""
BATCH_MAX: Final = 500
WAITING_MAX: Final = 5_000
"""More than a rail sends before it waits for answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The outcome of one attempt, as its rail reports it."""

    rail: str
    direction: Direction
    attempt_key: str
    answer: Paid | Declined


@unique
class Receipt(StrEnum):
    """What became of a notice; only an error of the books is worth sending it again."""

    BOOKED = "booked"
    KNOWN = "known"
    CONTRADICTED = "contradicted"
    """A person looks at it."""
    NOT_OURS = "not_ours"


async def take_notices(
    notices: Sequence[Notice], *, books: OutcomeBooks, schedule: Schedule, now: datetime
) -> list[Receipt]:
    """Book them; a receipt each, in their order. Raises what the books raise: then send them again."""
    attempts = await books.attempts_by_key({notice.attempt_key for notice in notices})
    ours = {
        place: Answered(attempt=attempts[notice.attempt_key], answer=notice.answer)
        for place, notice in enumerate(notices)
        if _is_about(notice, attempts.get(notice.attempt_key))
    }
    decisions = await book_answers(list(ours.values()), books=books, schedule=schedule, now=now)
    receipts = dict(zip(ours, map(_receipt, decisions), strict=True))
    return [receipts.get(place, Receipt.NOT_OURS) for place in range(len(notices))]


class NoticeDesk:
    """Takes notices one at a time, from many callers, and books them together."""

    def __init__(self, *, books: OutcomeBooks, schedule: Schedule, clock: Clock) -> None:
        """Nothing is booked before :meth:`run`."""
        self._books = books
        self._schedule = schedule
        self._clock = clock
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING_MAX)

    async def take(self, notice: Notice) -> Receipt:
        """Return when it is booked; raises what the books raise, and ``Busy``: then send it again."""
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait(_Waiting(notice=notice, receipt=receipt))
        except asyncio.QueueFull:
            raise Busy(f"{WAITING_MAX} notices are waiting for the books") from None
        return await receipt

    async def run(self) -> None:
        """Book until cancelled; whoever still waits then is cancelled too."""
        batch: list[_Waiting] = []
        try:
            while True:
                batch = [await self._waiting.get()]
                await asyncio.sleep(GATHER_S)
                while len(batch) < BATCH_MAX and not self._waiting.empty():
                    batch.append(self._waiting.get_nowait())
                await self._book(batch)
        finally:
            while not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            for one in batch:
                one.receipt.cancel()

    async def _book(self, batch: Sequence[_Waiting]) -> None:
        """Book them; of what the books refuse, each alone, so that one notice spoils no other."""
        notices, now = [one.notice for one in batch], self._clock.now()
        try:
            receipts = await take_notices(notices, books=self._books, schedule=self._schedule, now=now)
        except DependencyError as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - raised again in the callers that wait
            if len(batch) == 1:
                _fail(batch, error)
            else:
                for one in batch:
                    await self._book([one])
        else:
            for one, receipt in zip(batch, receipts, strict=True):
                if not one.receipt.done():
                    one.receipt.set_result(receipt)


@asynccontextmanager
async def notice_desk(*, books: OutcomeBooks, schedule: Schedule, clock: Clock) -> AsyncIterator[NoticeDesk]:
    """A desk that books for as long as the context is open: longer than its callers are served."""
    desk = NoticeDesk(books=books, schedule=schedule, clock=clock)
    async with asyncio.TaskGroup() as tasks:
        booking = tasks.create_task(desk.run(), name="notices")
        try:
            yield desk
        finally:
            booking.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    notice: Notice
    receipt: asyncio.Future[Receipt]


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for one in batch:
        if not one.receipt.done():
            one.receipt.set_exception(error)


def _is_about(notice: Notice, attempt: Attempt | None) -> bool:
    """One rail cannot speak for another's attempts."""
    return attempt is not None and (attempt.charge.rail, attempt.charge.direction) == (
        notice.rail,
        notice.direction,
    )


def _receipt(decision: Decision) -> Receipt:
    match decision:
        case Move():
            return Receipt.BOOKED
        case Known():
            return Receipt.KNOWN
        case Contradiction():
            return Receipt.CONTRADICTED
        case _ as never:
            assert_never(never)
