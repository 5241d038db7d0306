"""Has drivers granted anew whose debts have changed, soon and many at once.

A charge that ends lowers what its driver owes, or makes a debt of it, and a bill that is raised leaves less
of his total limit, while cars of the same account may be inside. Whoever books such a thing notes the account
here, which never waits; a loop passes the accounts on, those of a quarter of a second together: a driver who
has just paid may wait at a barrier. A process that dies in between loses the note: the next grant of the car,
and its own expiry, bound what that costs.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from parking.errors import LeaveFirstError
from settlement.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from parking.ids import AccountId
    from settlement.observe import Observer

__all__ = ["Regrant", "Regranting"]

LOOP: Final = "regranting"


class Regrant(Protocol):
    """Grants the cars inside of some accounts anew."""

    def __call__(self, *account_ids: AccountId) -> Awaitable[object]:
        """Repeating it does no harm."""
        ...


class Regranting:
    """Accounts that wait to be granted anew."""

    def __init__(self, *, gather_s: float = 0.25, batch: int = 500) -> None:
        self._gather_s = gather_s
        self._batch = batch
        self._waiting: set[AccountId] = set()
        self._noted = asyncio.Event()

    def note(self, account_ids: Iterable[AccountId]) -> None:
        """What these accounts owe has changed, and the books say so already."""
        self._waiting.update(account_ids)
        if self._waiting:
            self._noted.set()

    async def run(self, regrant: Regrant, observer: Observer) -> None:
        """Pass them on, for ever."""
        patience = Patience(loop=LOOP, observer=observer)
        while True:
            await self._noted.wait()
            await asyncio.sleep(self._gather_s)
            batch = [self._waiting.pop() for _ in range(min(self._batch, len(self._waiting)))]
            if not self._waiting:
                self._noted.clear()
            try:
                await patience.until_done(partial(regrant, *batch))
            except LeaveFirstError as error:
                observer.loop_held_up(loop=LOOP, error=error, retry_in_s=self._gather_s)
