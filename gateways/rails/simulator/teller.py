"""The rail's counter: takes an order, books it, and lets happen to it what its plan says.

Order of events: faults that strike before booking, the booking itself, the notice, faults that strike
after booking, the answer. An attempt that is already booked gets its first answer again, undisturbed.
A teller also gives accepted attempts their outcome when their time has come.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateways.rails.simulator.books import State
from gateways.rails.simulator.faults import Fault, Kind, Plan, plan_of
from parking.clock import to_ms
from parking.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.rails.simulator.books import Attempt, Books
    from gateways.rails.simulator.faults import Profile
    from gateways.rails.simulator.wire import OrderBody
    from parking.clock import Clock

__all__ = ["Notices", "Spoilt", "Teller"]

SEEN_MAX = 100_000
SETTLE_BATCH = 200
LOOK_EVERY_S = 0.05
RETRY_EVERY_S = 1.0
COPIES = {Fault.NO_NOTICE: 0, Fault.DUPLICATE_NOTICES: 3, Fault.WRONG_AMOUNT_NOTICE: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoilt:
    """There is no proper answer: ``fault`` says how the request ends instead."""

    fault: Fault


class Notices(Protocol):
    """The way in which a rail says by itself what became of an attempt."""

    delivered: int
    failed: int

    @property
    def enabled(self) -> bool:
        """Whether there is anybody to notify."""
        ...

    def enqueue(self, attempt: Attempt, copies: int = 1, *, too_much_fen: int = 0) -> None:
        """Send it soon; ``too_much_fen`` is what it names beyond what was taken."""
        ...

    async def deliver(self, attempt: Attempt) -> None:
        """Send it now, and return when it is taken or given up."""
        ...


class Teller:
    """One rail's counter."""

    def __init__(
        self, books: Books, notifier: Notices, profile: Profile, *, seed: int, clock: Clock, wall: Clock
    ) -> None:
        """``clock`` is the one that the rail shows, ``wall`` the machine's."""
        self._books = books
        self._notifier = notifier
        self._profile = profile
        self._seed = seed
        self._clock = clock
        self._wall = wall
        self._struck: dict[tuple[Kind, str], None] = {}
        self._pending = asyncio.Event()
        self._pending.set()
        self.closing = asyncio.Event()
        """Set when the process drains: nothing is held up any more."""
        self.faults: Counter[Fault] = Counter()
        """How often each fault struck, since the process started."""

    async def take(self, kind: Kind, order: OrderBody, gone: Callable[[], bool]) -> Attempt | Spoilt:
        """Handle one request; ``gone`` says whether the client has given up.

        Raises :class:`Conflict` for a key used otherwise, :class:`InvalidInput` for an unknown script,
        and what the writer of the books raises.
        """
        plan = plan_of(self._profile, self._seed, kind, order.attempt_key, order.order_key, order.agreement)
        if plan.before is not None and self._first_strike(kind, order.attempt_key):
            return await self._spoil(plan.before, gone)
        booked = await self._books.book(
            kind, order, plan, now_ms=to_ms(self._clock.now()), wall_ms=to_ms(self._wall.now())
        )
        if not booked.fresh:
            return booked.attempt
        await self._announce(booked.attempt, plan)
        if plan.after is Fault.SLOW:
            self.faults[Fault.SLOW] += 1
            await self._pause(plan.slow_s)
        elif plan.after is not None:
            return await self._spoil(plan.after, gone)
        return booked.attempt

    async def settle(self) -> None:
        """Give accepted attempts their outcome, until cancelled; also those from before a restart."""
        while not self.closing.is_set():
            await self._pending.wait()
            self._pending.clear()
            try:
                settled = await self._books.settle_due(
                    now_ms=to_ms(self._clock.now()), wall_ms=to_ms(self._wall.now()), limit=SETTLE_BATCH
                )
            except DependencyError:
                self._pending.set()
                await self._pause(RETRY_EVERY_S)
                continue
            for attempt in settled.attempts:
                self._notify_of(attempt)
            if settled.next_ms is not None:
                self._pending.set()
                await self._pause(LOOK_EVERY_S)

    async def _announce(self, attempt: Attempt, plan: Plan) -> None:
        """Count the verdict; notify of a payment, wake the settling of what was accepted."""
        if attempt.state is State.PAID:
            if plan.notice is Fault.NOTICE_BEFORE_ANSWER and self._notifier.enabled:
                self.faults[Fault.NOTICE_BEFORE_ANSWER] += 1
                await self._notifier.deliver(attempt)
            else:
                self._notify(attempt, plan)
            return
        if plan.verdict is not None and attempt.code != "nothing_to_refund":
            self.faults[plan.verdict] += 1
        if attempt.state is State.ACCEPTED:
            self._pending.set()

    def _notify_of(self, attempt: Attempt) -> None:
        plan = plan_of(
            self._profile, self._seed, attempt.kind, attempt.attempt_key, attempt.order_key, attempt.agreement
        )
        self._notify(attempt, plan)

    def _notify(self, attempt: Attempt, plan: Plan) -> None:
        if not self._notifier.enabled:
            return
        copies = 1
        if plan.notice is not None and plan.notice in COPIES:
            self.faults[plan.notice] += 1
            copies = COPIES[plan.notice]
        too_much_fen = 1 if plan.notice is Fault.WRONG_AMOUNT_NOTICE else 0
        self._notifier.enqueue(attempt, copies, too_much_fen=too_much_fen)

    def _first_strike(self, kind: Kind, attempt_key: str) -> bool:
        """Whether this attempt has not been struck yet; the oldest are forgotten beyond a bound."""
        key = (kind, attempt_key)
        if key in self._struck:
            return False
        self._struck[key] = None
        if len(self._struck) > SEEN_MAX:
            del self._struck[next(iter(self._struck))]
        return True

    async def _spoil(self, fault: Fault, gone: Callable[[], bool]) -> Spoilt:
        self.faults[fault] += 1
        if fault in {Fault.TIMEOUT_BEFORE_CAPTURE, Fault.TIMEOUT_AFTER_CAPTURE}:
            loop = asyncio.get_running_loop()
            deadline = loop.time() + self._profile.hang_s
            while not (gone() or self.closing.is_set() or loop.time() >= deadline):
                await self._pause(LOOK_EVERY_S)
        return Spoilt(fault=fault)

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless the process is closing."""
        try:
            async with asyncio.timeout(seconds):
                await self.closing.wait()
        except TimeoutError:
            pass
