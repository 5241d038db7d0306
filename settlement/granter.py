"""The granter: tells the gates, while a car is inside, whether it may leave first.

It follows the entries in the journal, looks up whose cars they are, how those drivers stand and what their
stays are given, and pushes that to the garage of each, long before the exit needs it. When something changes
for a driver (a plate bound, a limit, a payment, a coupon) the cars that are inside are told anew; the latest
word wins.

Each decision is recorded, with the policy and the rules that made it, before any gate is told of it. A grant
that never arrives is no accident: the garage's policy then decides.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from parking.errors import LeaveFirstError
from parking.grant import Granted
from parking.journal import Record
from parking.session import Step
from settlement.deciding import decide
from settlement.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from datetime import datetime

    from parking.benefits import Benefits
    from parking.clock import Clock
    from parking.ids import AccountId, Partition
    from parking.journal import Unreadable
    from parking.plate import Plate
    from parking.session import Session
    from settlement.deciding import Decided, Known, PolicyBook
    from settlement.journal_port import Journal
    from settlement.observe import Observer

__all__ = ["GROUP", "GrantBooks", "Granter", "GranterSettings", "Grants", "grant_to"]

GROUP: Final = "granter"
CAME_IN: Final = frozenset({Step.ENTERED, Step.EXIT_UNDONE})
ENDED: Final = frozenset({Step.LEFT, Step.ENTRY_UNDONE})


class Grants(Protocol):
    """Where the gates find their grants."""

    async def push(self, grants: Sequence[Granted]) -> Sequence[bool]:
        """Give each session its grant; says of each whether its car is still inside."""
        ...

    async def withdraw(self, sessions: Sequence[Session]) -> None:
        """Of sessions that have ended: their controllers have no more use for the signed grants."""
        ...


class GrantBooks(Protocol):
    """What the books know of drivers."""

    async def known(self, plates: Sequence[Plate], now: datetime) -> list[Known]:
        """What is known behind each plate."""
        ...

    async def policies(self, now: datetime) -> PolicyBook:
        """The policies in force."""
        ...

    async def benefits(self, sessions: Sequence[Session], now: datetime) -> Sequence[Benefits]:
        """What each of these stays is given, in their order."""
        ...

    async def ended(self, stays: Sequence[tuple[Session, datetime]], now: datetime) -> Sequence[Session]:
        """These stays are over since a moment each: the sessions inside that are given something else now."""
        ...

    async def record(self, decisions: Sequence[Decided], now: datetime) -> None:
        """Keep what the gates are about to be told, where it is new; repeating it does no harm."""
        ...

    async def sessions_inside(
        self, account_ids: Sequence[AccountId], numbers: Sequence[str]
    ) -> list[Session]:
        """The sessions inside of the accounts' plates, and of the plates with these numbers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GranterSettings:
    """How the granter works."""

    batch: int = 500
    block: timedelta = timedelta(seconds=1)
    gather_s: float = 0.05
    """After a small batch, how long the next one gathers; no gate waits for a grant of this very moment."""
    redeliver_after: timedelta = timedelta(seconds=15)
    valid_for: timedelta = timedelta(days=30)
    """Longer than nearly every stay. What changes meanwhile is pushed at once, so this only bounds how long
    a gate that nobody reaches any more goes on trusting what it was last told."""


class Granter:
    """One loop over all partitions, and :meth:`regrant` for what changes outside the journal."""

    def __init__(
        self,
        *,
        journal: Journal,
        books: GrantBooks,
        grants: Grants,
        clock: Clock,
        observer: Observer,
        settings: GranterSettings | None = None,
    ) -> None:
        self._journal = journal
        self._books = books
        self._grants = grants
        self._clock = clock
        self._observer = observer
        self._settings = settings or GranterSettings()
        self._patience = Patience(loop=GROUP, observer=observer)
        self._granting = asyncio.Lock()

    async def run(self) -> None:
        """Work until cancelled."""
        await self.redeliver(timedelta(0))
        while True:
            until = asyncio.get_running_loop().time() + self._settings.redeliver_after.total_seconds()
            while asyncio.get_running_loop().time() < until:
                if await self.step() < self._settings.batch // 4:
                    await asyncio.sleep(self._settings.gather_s)
            await self.redeliver(self._settings.redeliver_after)

    async def step(self) -> int:
        """Grant for what is new; returns how many records were read."""
        batch, block = self._settings.batch, self._settings.block
        items = await self._patience.until_done(lambda: self._journal.read(GROUP, batch, block))
        await self._take(items)
        return len(items)

    async def redeliver(self, idle: timedelta) -> int:
        """Take up again what has been unsettled for ``idle``."""
        batch = self._settings.batch
        items = await self._patience.until_done(lambda: self._journal.redelivered(GROUP, batch, idle))
        await self._take([item for item, _ in items])
        return len(items)

    async def regrant(self, *account_ids: AccountId, unbound_numbers: Sequence[str] = ()) -> None:
        """New grants for the cars inside of some accounts and for those that they have just let go.

        A car whose entry is not booked yet is not found here; its own grant is on the way.
        """
        sessions = await self._books.sessions_inside(account_ids, unbound_numbers)
        for start in range(0, len(sessions), self._settings.batch):
            await self._grant(sessions[start : start + self._settings.batch])

    async def tell(self, session: Session) -> bool:
        """The same for one car inside; ``False`` when it is inside no more."""
        (inside,) = await self._grant([session])
        return inside

    async def _take(self, items: Sequence[Record | Unreadable]) -> None:
        """Grant, then settle: also what could not be read or granted, which the garage's policy covers."""
        sessions = [one for item in items if isinstance(item, Record) for one in _came_in(item)]
        for start in range(0, len(sessions), self._settings.batch):
            await self._patiently(partial(self._grant, sessions[start : start + self._settings.batch]))
        over = [stay for item in items if isinstance(item, Record) for stay in _ended(item)]
        if over:
            await self._patiently(partial(self._end, over))
        positions: dict[Partition, list[str]] = {}
        for item in items:
            positions.setdefault(item.partition, []).append(item.position)
        if positions:
            await self._patience.until_done(lambda: self._journal.settle(GROUP, positions))

    async def _end(self, stays: Sequence[tuple[Session, datetime]]) -> None:
        """Take back what stays had that are over, and give it to who waits for it."""
        await self._grants.withdraw([session for session, _ in stays])
        await self._grant(await self._books.ended(stays, self._clock.now()))

    async def _patiently(self, act: Callable[[], Awaitable[object]]) -> None:
        try:
            await self._patience.until_done(act)
        except LeaveFirstError as error:
            self._observer.loop_held_up(loop=GROUP, error=error, retry_in_s=0.0)

    async def _grant(self, sessions: Sequence[Session]) -> Sequence[bool]:
        if not sessions:
            return ()
        loop = asyncio.get_running_loop()
        started = loop.time()
        now = self._clock.now()
        # One at a time: a grant read before a change must not arrive after the one read behind it.
        async with self._granting:
            inside = await grant_to(
                sessions,
                books=self._books,
                grants=self._grants,
                now=now,
                expires_at=now + self._settings.valid_for,
            )
        self._observer.grants_pushed(grants=len(sessions), seconds=loop.time() - started)
        return inside


def _came_in(record: Record) -> Iterator[Session]:
    """The stays that an event has begun, or that go on by it."""
    if record.session is not None and record.step in CAME_IN:
        # The record of an undone exit still says when that was.
        yield replace(record.session, left_at=None)
    if record.resumed is not None:
        yield record.resumed


def _ended(record: Record) -> Iterator[tuple[Session, datetime]]:
    """The stays that an event has ended, and when."""
    at = record.event.captured_at
    if record.superseded is not None:
        yield record.superseded, at
    if record.session is not None and record.step in ENDED:
        yield record.session, record.session.left_at or at


async def grant_to(
    sessions: Sequence[Session],
    *,
    books: GrantBooks,
    grants: Grants,
    now: datetime,
    expires_at: datetime,
) -> Sequence[bool]:
    """Decide for each session from how its driver stands now, record it, and tell the gates.

    Says of each whether its car is still inside.
    """
    known = await books.known([session.plate for session in sessions], now)
    book = await books.policies(now)
    decisions = [
        decide(session, one, book, now=now, expires_at=expires_at)
        for session, one in zip(sessions, known, strict=True)
    ]
    await books.record(decisions, now)
    benefits = await books.benefits(sessions, now)
    return await grants.push(
        [
            Granted(
                session=one.session,
                grant=one.grant,
                debt=None if one.found is None else one.found.notice,
                benefits=given,
            )
            for one, given in zip(decisions, benefits, strict=True)
        ]
    )
