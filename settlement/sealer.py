"""The sealer: chains the ledger's entries by digests, off the path on which they are posted.

The application has no right to change an entry. Who takes it all the same is found out, because each link's
digest follows from its entries and from the link before, and ``verify`` works all of them out again. A copy
of the last links, kept elsewhere, tells even of a chain that was written anew as a whole.

An entry carries the moment at which its statement was begun, so it may appear a little behind others. A
moment is sealed once this process has seen it past for longer than any statement may take. By how much the
clocks of settlement's hosts may differ is what is left of that.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from settlement.patience import in_rounds

if TYPE_CHECKING:
    from datetime import datetime

    from parking.clock import Clock
    from settlement.observe import Observer

__all__ = ["ChainBooks", "Sealer", "SealerSettings"]

LOOP: Final = "sealer"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealerSettings:
    """How often, and how late, the ledger is sealed."""

    every_s: float = 60.0
    settled_s: float = 300.0
    """Longer than a statement or a transaction of ours may take, in real time."""
    link_max: timedelta = timedelta(hours=1)
    """What one link holds at most, so that none is too large for the books' memory."""


class Reading(NamedTuple):
    """What the project's clock said, and when that was by the loop's."""

    made_s: float
    moment: datetime


class ChainBooks(Protocol):
    """Where the links are kept."""

    async def unsealed_from(self) -> datetime | None:
        """When the first entry was posted that no link holds yet; ``None`` where all are held."""
        ...

    async def seal(self, until: datetime, now: datetime) -> int:
        """Add links that hold what was posted before a moment; how many entries that were."""
        ...


@dataclass(slots=True, kw_only=True)
class Sealer:
    """One loop over all partitions; a second one at the same time does no harm."""

    books: ChainBooks
    clock: Clock
    observer: Observer
    settings: SealerSettings = field(default_factory=SealerSettings)
    readings: deque[Reading] = field(default_factory=deque)

    async def run(self) -> None:
        """Work until cancelled; books that are away are asked again in the next round."""
        await in_rounds(self._round, loop=LOOP, every_s=self.settings.every_s, observer=self.observer)

    async def _round(self) -> None:
        while await self.step():
            continue

    async def step(self) -> int:
        """Seal one link more in each partition that has something to seal; how many entries that were."""
        settled = self._settled_until()
        first = await self.books.unsealed_from() if settled is not None else None
        if settled is None or first is None or first >= settled:
            return 0
        return await self.books.seal(min(settled, first + self.settings.link_max), self.clock.now())

    def _settled_until(self) -> datetime | None:
        """The youngest reading of the clock that is old enough."""
        now_s = asyncio.get_running_loop().time()
        self.readings.append(Reading(now_s, self.clock.now()))
        old_enough = [one for one in self.readings if one.made_s <= now_s - self.settings.settled_s]
        for _ in old_enough[:-1]:
            self.readings.popleft()
        return old_enough[-1].moment if old_enough else None
