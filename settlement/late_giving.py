"""Finds out, after the exit, what a stay is given whose gate did not know it.

A gate prices with what settlement has told it of a car. Where nothing had come when the car left, as after an
outage or from a garage that reports its day at once, a pass, an exemption or a coupon may be missing from the
bill. Nobody is charged for such a bill before this loop has looked it up as of the exit; where something
applies that makes the stay cheaper, the bill is credited and another one takes its place.

While the granter is behind, nothing is looked up: who came in earlier must have had the first choice of
places.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from parking.errors import CallerError, Defect
from settlement.correction import Correction
from settlement.patience import in_rounds
from settlement.review import NOBODY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from parking.benefits import Benefits
    from parking.clock import Clock
    from parking.ids import AccountId, Partition
    from parking.session import Session
    from settlement.observe import Observer

__all__ = ["Closing", "LateBooks", "LateGiver", "LateSettings"]

LOOP: Final = "late_giving"
REASON: Final = "what the stay is given was not known at its exit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A closing that was billed: ``session`` is the stay as it is billed now.

    Its record is of an entry at ``recorded_from``. ``stands`` is false when the car has turned back since, or
    the bill was credited.
    """

    partition: Partition
    session: Session
    recorded_from: datetime
    stands: bool


class LateBooks(Protocol):
    """What the loop reads and writes."""

    async def waiting(self, limit: int) -> Sequence[Closing]:
        """Closings that were billed without knowing what is given, earliest entry first."""
        ...

    async def waiting_count(self) -> int:
        """How many there are in all."""
        ...

    async def benefits(self, sessions: Sequence[Session], now: datetime) -> Sequence[Benefits]:
        """What each of these stays is given as of its exit; asking again changes nothing."""
        ...

    async def correct(self, closing: Closing, correction: Correction, now: datetime) -> Iterable[AccountId]:
        """Correct the bill in force, once; the accounts that owe something else now.

        Raises a :class:`CallerError` when there is nothing to correct, or no bill stands.
        """
        ...

    async def known(self, closings: Sequence[Closing]) -> None:
        """It is known what these are given: they may be charged."""
        ...

    async def failed(self, closing: Closing, now: datetime) -> None:
        """This one cannot be settled now: look at it again after the others."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LateSettings:
    """When the loop looks; in real time."""

    every_s: float = 1.0
    batch: int = 200
    behind_max: timedelta = timedelta(seconds=5)
    """The age of a record that the granter has not settled from which it counts as behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateGiver:
    """One loop over all garages; ``behind`` says for how long the granter has had a record unsettled.

    ``owing_changed`` is told whose bills have changed.
    """

    books: LateBooks
    behind: Callable[[], Awaitable[timedelta]]
    owing_changed: Callable[[Iterable[AccountId]], None]
    clock: Clock
    observer: Observer
    settings: LateSettings = field(default_factory=LateSettings)

    async def run(self) -> None:
        """Work until cancelled; stores that are away are asked again in the next round."""
        await in_rounds(self._round, loop=LOOP, every_s=self.settings.every_s, observer=self.observer)

    async def _round(self) -> None:
        while await self.step() == self.settings.batch:
            continue

    async def step(self) -> int:
        """Look up what waits; how many closings are settled."""
        closings = await self.books.waiting(self.settings.batch)
        if not closings:
            self.observer.benefits_awaited(closings=0)
            return 0
        self.observer.benefits_awaited(closings=await self.books.waiting_count())
        if await self.behind() > self.settings.behind_max:
            return 0
        now = self.clock.now()
        standing = [one for one in closings if one.stands]
        found = await self.books.benefits([one.session for one in standing], now)
        known = [one for one in closings if not one.stands]
        for closing, benefits in zip(standing, found, strict=True):
            if await self._is_settled(closing, benefits, now):
                known.append(closing)
        await self.books.known(known)
        return len(known)

    async def _is_settled(self, closing: Closing, benefits: Benefits, now: datetime) -> bool:
        corrected = False
        if benefits:
            try:
                self.owing_changed(await self.books.correct(closing, _correction(closing, benefits), now))
                corrected = True
            except CallerError:
                pass
            except Defect as error:
                await self.books.failed(closing, now)
                self.observer.loop_held_up(loop=LOOP, error=error, retry_in_s=self.settings.every_s)
                return False
        self.observer.benefits_looked_up(corrected=corrected)
        return True


def _correction(closing: Closing, benefits: Benefits) -> Correction:
    return Correction(
        correction_id=f"{NOBODY}/benefits/{closing.session.version}",
        benefits=benefits,
        reason=REASON,
        corrected_by=NOBODY,
    )
