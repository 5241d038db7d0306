"""A collector under test: how it is run, killed and waited for, and books that fail on demand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from typing_extensions import override

from parking.errors import Defect, LeaveFirstError, Unavailable
from settlement.collector import Collector, CollectorBooks, CollectorSettings, Unobserved
from settlement.retry import Schedule

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from settlement.books.charges import Charges
    from settlement.charge import Attempt, ChargeId, Contradiction, Move
    from settlement.outcomes import Decision
    from settlement.rail import Answer, Rail
    from tests.books.charging import ChargeBooks, HandClock

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "QUICK",
    "SCHEDULE",
    "WAIT_S",
    "FlakyBooks",
    "Watch",
    "a_collector",
    "killed",
    "running",
    "until",
    "until_states",
]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SCHEDULE = Schedule(retries=(HOUR, 2 * HOUR), questions=(MINUTE, 5 * MINUTE, HOUR))
QUICK = CollectorSettings(
    call_deadline_s=0.3, rest_s=0.0, poll_interval_s=0.01, drain_timeout_s=2.0, lease=2 * MINUTE
)
WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Watch(Unobserved):
    """Remembers what it was told."""

    answers: list[tuple[Attempt, Answer, bool]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    errors: list[LeaveFirstError] = field(default_factory=list)

    @override
    def rail_answered(self, attempt: Attempt, answer: Answer, *, question: bool, took_s: float) -> None:
        self.answers.append((attempt, answer, question))

    @override
    def outcomes_booked(self, decisions: Sequence[Decision], now: datetime) -> None:
        self.decisions.extend(decisions)

    @override
    def collector_hindered(self, error: LeaveFirstError) -> None:
        self.errors.append(error)


class FlakyBooks(CollectorBooks):
    """Real books that refuse postings while ``away``, and those of one charge always."""

    def __init__(self, charges: Charges, *, away: bool = False, poisoned: ChargeId | None = None) -> None:
        self._charges = charges
        self.away = away
        self._poisoned = poisoned

    @override
    async def claim(self, rail: str, *, now: datetime, claimed_max: int, lease: timedelta) -> list[Attempt]:
        return await self._charges.claim(rail, now=now, claimed_max=claimed_max, lease=lease)

    @override
    async def claim_questions(
        self,
        rail: str,
        *,
        now: datetime,
        claimed_max: int,
        lease: timedelta,
        with_sent: bool,
        in_hand: Collection[ChargeId],
    ) -> list[Attempt]:
        return await self._charges.claim_questions(
            rail, now=now, claimed_max=claimed_max, lease=lease, with_sent=with_sent, in_hand=in_hand
        )

    @override
    async def post_moves(self, moves: Sequence[Move], now: datetime) -> Collection[ChargeId]:
        if self.away:
            raise Unavailable("away")
        if any(move.attempt.charge.charge_id == self._poisoned for move in moves):
            raise Defect("the books refused a row")
        return await self._charges.post_moves(moves, now)

    @override
    async def attempts_by_key(self, attempt_keys: Collection[str]) -> Mapping[str, Attempt]:
        return await self._charges.attempts_by_key(attempt_keys)

    @override
    async def report_contradictions(self, contradictions: Sequence[Contradiction], now: datetime) -> None:
        await self._charges.report_contradictions(contradictions, now)


def a_collector(
    books: CollectorBooks,
    rails: Mapping[str, Rail],
    clock: HandClock,
    *,
    settings: CollectorSettings = QUICK,
    watch: Watch | None = None,
) -> Collector:
    return Collector(
        books=books,
        rails=rails,
        clock=clock,
        schedule=SCHEDULE,
        settings=settings,
        observer=watch or Watch(),
    )


@asynccontextmanager
async def running(collector: Collector) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(collector.run(stop))
        try:
            yield
        finally:
            stop.set()


@asynccontextmanager
async def killed(collector: Collector) -> AsyncIterator[None]:
    """Run it, and end it in the middle of whatever it is doing."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(collector.run(asyncio.Event()))
        try:
            yield
        finally:
            task.cancel()


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await reached():  # noqa: ASYNC110 - the books are another process and send no events
            await asyncio.sleep(0.01)


async def until_states(books: ChargeBooks, **states: int) -> None:
    async def reached() -> bool:
        return await books.states() == states

    try:
        await until(reached)
    except TimeoutError:
        assert await books.states() == states
