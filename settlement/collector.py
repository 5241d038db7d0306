"""The collector: calls rails for what is due, and asks them about what is in doubt.

Each rail has two desks, one that sends and one that asks, so that neither a slow rail nor a pile of
questions holds up anything else. A desk takes from the books as many attempts as it has hands free, calls
the rail with all of them at once, and gives each answer to one poster, which books whatever has come in.
A hand is free again when its outcome is booked; so with the books away, calling stops by itself.

No transaction is open during a call: the attempt and its key were committed before. A process that dies
leaves charges in ``sent``; when their lease has run out they are asked about, never sent anew.

Two times are used. Due dates and leases follow the :class:`~parking.clock.Clock`, which in a test may run
a thousand times as fast as life, so that a lease runs out during an ordinary call. Three rules keep that
harmless. Asking too early would move no money twice anyway, because a charge "never received" is sent again
under its old key; but the charge of a credited bill is voided on that answer, and a payment that arrives
after all has to be given back:

* The collector never asks about what is in its own hands. Taking from the books is serialised with
  writing down what was taken, so its list is never behind the books.
* A call that ended without an outcome rests for ``rest_s`` of real time before it is asked about: the
  request may still be on its way.
* What other processes have sent is left alone for the first ``call_deadline_s + rest_s`` of real time:
  the process may have died a moment ago, with its requests on their way.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from typing_extensions import override

from parking.errors import DependencyError, InvalidInput, LeaveFirstError
from settlement.desk import desks_of
from settlement.outcomes import Answered, OutcomeBooks, book_answers
from settlement.rail import Unknown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from parking.clock import Clock
    from settlement.charge import Attempt, ChargeId
    from settlement.desk import Desk
    from settlement.outcomes import Decision
    from settlement.rail import Answer, Rail
    from settlement.retry import Schedule

__all__ = ["ChargeObserver", "Collector", "CollectorBooks", "CollectorSettings", "Unobserved"]

POSTED_MAX: Final = 500
"""Outcomes in one statement; beyond it the slowest suffer and nobody gains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSettings:
    """Bounds and times; those in seconds are real time, the lease follows the clock."""

    calls_max: int = 48
    """Charges and refunds under way at one rail."""
    questions_max: int = 16
    """Questions under way at one rail; with the calls, no more than its client has connections for."""
    lease: timedelta = timedelta(minutes=2)
    """After this a charge that was taken and never came back is taken for lost; well above a call."""
    call_deadline_s: float = 10.0
    """Above the rail client's own time-out, which knows more about what happened."""
    rest_s: float = 2.0
    poll_interval_s: float = 0.2
    """How long an idle desk waits before it looks again."""
    gather_s: float = 0.05
    """How long hands and outcomes gather, so that they share a statement and its commit."""
    drain_timeout_s: float = 15.0
    """How long outcomes are kept for books that are away once the collector stops."""

    def __post_init__(self) -> None:
        if min(self.calls_max, self.questions_max) < 1:
            raise InvalidInput("each desk needs a hand", ("calls_max", "questions_max"))
        if min(self.call_deadline_s, self.poll_interval_s) <= 0:
            raise InvalidInput("above zero", ("call_deadline_s", "poll_interval_s"))
        if self.lease <= timedelta(seconds=self.call_deadline_s + self.rest_s):
            raise InvalidInput("longer than a call with its rest", ("lease",))


DEFAULTS: Final = CollectorSettings()


class CollectorBooks(OutcomeBooks, Protocol):
    """Where charges are taken from, and their outcomes booked."""

    async def claim(
        self, rail: str, *, now: datetime, claimed_max: int, lease: timedelta
    ) -> Sequence[Attempt]:
        """Take what is due, with a saved attempt key each; committed."""
        ...

    async def claim_questions(
        self,
        rail: str,
        *,
        now: datetime,
        claimed_max: int,
        lease: timedelta,
        with_sent: bool,
        in_hand: Collection[ChargeId],
    ) -> Sequence[Attempt]:
        """Take what it is time to ask about; ``with_sent``: also charges whose sender is gone."""
        ...


class ChargeObserver(Protocol):
    """Watches, for metrics and logs; must not fail and must not wait."""

    def rail_answered(self, attempt: Attempt, answer: Answer, *, question: bool, took_s: float) -> None:
        """A call or a question came to its end."""
        ...

    def outcomes_booked(self, decisions: Sequence[Decision], now: datetime) -> None:
        """One batch is committed."""
        ...

    def collector_hindered(self, error: LeaveFirstError) -> None:
        """The books, or we, failed; the work is kept or will be asked about."""
        ...


class Unobserved(ChargeObserver):
    """Nobody watches."""

    @override
    def rail_answered(self, attempt: Attempt, answer: Answer, *, question: bool, took_s: float) -> None:
        pass

    @override
    def outcomes_booked(self, decisions: Sequence[Decision], now: datetime) -> None:
        pass

    @override
    def collector_hindered(self, error: LeaveFirstError) -> None:
        pass


class Collector:
    """Runs all desks of one process; needs no other process to be absent."""

    def __init__(
        self,
        *,
        books: CollectorBooks,
        rails: Mapping[str, Rail],
        clock: Clock,
        schedule: Schedule,
        observer: ChargeObserver,
        settings: CollectorSettings = DEFAULTS,
    ) -> None:
        self._books = books
        self._clock = clock
        self._schedule = schedule
        self._settings = settings
        self._observer = observer
        self._desks = [
            desk
            for name, rail in rails.items()
            for desk in desks_of(
                name, rail, calls_max=settings.calls_max, questions_max=settings.questions_max
            )
        ]
        self._claiming = asyncio.Lock()
        self._answers: asyncio.Queue[tuple[Desk, Answered] | None] = asyncio.Queue()
        self._resting_until_s: dict[ChargeId, float] = {}
        self._drained_by_s: float | None = None
        self._ask_about_sent_from_s = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``, then finish the calls under way and book their outcomes."""
        loop = asyncio.get_running_loop()
        self._ask_about_sent_from_s = loop.time() + self._settings.call_deadline_s + self._settings.rest_s
        async with asyncio.TaskGroup() as posting:
            posting.create_task(self._book_until_closed(), name="collector-post")
            async with asyncio.TaskGroup() as calling:
                for desk in self._desks:
                    job = "ask" if desk.question else "send"
                    calling.create_task(
                        self._keep_calling(desk, stop, calling), name=f"collector-{job}-{desk.rail}"
                    )
            self._drained_by_s = loop.time() + self._settings.drain_timeout_s
            self._answers.put_nowait(None)

    async def _keep_calling(self, desk: Desk, stop: asyncio.Event, calls: asyncio.TaskGroup) -> None:
        while not stop.is_set():
            free = desk.free()
            if free <= 0:
                desk.freed.clear()
                await self._pause(desk.freed)
                continue
            taken = await self._take(desk, free)
            for attempt in taken:
                calls.create_task(self._call(desk, attempt))
            if len(taken) < free:
                await self._pause(stop)
            else:
                await asyncio.sleep(self._settings.gather_s)

    async def _take(self, desk: Desk, free: int) -> Sequence[Attempt]:
        settings = self._settings
        async with self._claiming:
            now = self._clock.now()
            try:
                if desk.question:
                    in_hand = self._in_hand()
                    taken = await self._books.claim_questions(
                        desk.rail,
                        now=now,
                        claimed_max=free,
                        lease=settings.lease,
                        with_sent=asyncio.get_running_loop().time() >= self._ask_about_sent_from_s,
                        in_hand=in_hand,
                    )
                else:
                    taken = await self._books.claim(
                        desk.rail, now=now, claimed_max=free, lease=settings.lease
                    )
            except LeaveFirstError as error:
                self._observer.collector_hindered(error)
                return ()
            desk.in_hand.update(attempt.charge.charge_id for attempt in taken)
            return taken

    def _in_hand(self) -> set[ChargeId]:
        """What this process must not ask about now."""
        now_s = asyncio.get_running_loop().time()
        self._resting_until_s = {
            charge_id: until_s for charge_id, until_s in self._resting_until_s.items() if until_s > now_s
        }
        return self._resting_until_s.keys() | set().union(*(desk.in_hand for desk in self._desks))

    async def _call(self, desk: Desk, attempt: Attempt) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        answer: Answer
        try:
            async with asyncio.timeout(self._settings.call_deadline_s):
                answer = await desk.call(attempt)
        except TimeoutError:
            answer = Unknown(detail="no answer before the deadline")
        except Exception as error:  # noqa: BLE001 - whatever a rail's client raises, money may have moved
            answer = Unknown(detail=f"the rail's client failed: {type(error).__name__}")
        ended_s = loop.time()
        if isinstance(answer, Unknown) and not desk.question:
            self._resting_until_s[attempt.charge.charge_id] = ended_s + self._settings.rest_s
        self._observer.rail_answered(attempt, answer, question=desk.question, took_s=ended_s - began_s)
        self._answers.put_nowait((desk, Answered(attempt=attempt, answer=answer)))

    async def _book_until_closed(self) -> None:
        is_open = True
        while is_open:
            waiting = [await self._answers.get()]
            await asyncio.sleep(self._settings.gather_s)
            while len(waiting) < POSTED_MAX and not self._answers.empty():
                waiting.append(self._answers.get_nowait())
            is_open = waiting[-1] is not None
            batch = [one for one in waiting if one is not None]
            await self._book([answered for _, answered in batch])
            for desk, answered in batch:
                desk.put_down(answered.attempt.charge.charge_id)

    async def _book(self, answers: Sequence[Answered]) -> None:
        """Book them, waiting for books that are away; what the books refuse is tried one by one."""
        while answers:
            now = self._clock.now()
            try:
                decisions = await book_answers(answers, books=self._books, schedule=self._schedule, now=now)
            except DependencyError as error:
                self._observer.collector_hindered(error)
                if self._drained_by_s is not None and asyncio.get_running_loop().time() >= self._drained_by_s:
                    return
                await asyncio.sleep(self._settings.poll_interval_s)
            except LeaveFirstError as error:
                self._observer.collector_hindered(error)
                if len(answers) > 1:
                    for one in answers:
                        await self._book([one])
                return
            else:
                self._observer.outcomes_booked(decisions, now)
                return

    async def _pause(self, until: asyncio.Event) -> None:
        """Wait for the event, but no longer than an idle desk may."""
        try:
            async with asyncio.timeout(self._settings.poll_interval_s):
                await until.wait()
        except TimeoutError:
            pass
