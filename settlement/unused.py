"""Looks, now and then, for what drivers paid inside and no bill has used.

A driver pays at a machine; the gates hear of it too late, or the machine gives up before they do, or more
was paid than the stay cost, or the stay is undone. The bill then uses less than was paid, and the rest may
not lie there unseen: a person gives it back. What was paid lately is looked at often, all the rest seldom.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from parking.errors import LeaveFirstError

if TYPE_CHECKING:
    from datetime import datetime

    from parking.clock import Clock
    from parking.ids import SessionId
    from settlement.observe import Observer

__all__ = ["PrepaidBooks", "watch_prepayments"]

LOOP: Final = "prepayments"
EVERY_S: Final = 30.0
SELDOM: Final = 120
"""Every so many rounds all is looked at that may still matter."""
LATELY: Final = timedelta(days=3)
EVER: Final = timedelta(days=400)
SETTLING: Final = timedelta(minutes=1)
"""A payment or an exit as fresh as this may still be on its way to a bill."""


class PrepaidBooks(Protocol):
    """Where prepayments are booked."""

    async def report_all_unused(
        self, now: datetime, *, paid_from: datetime, over_until: datetime, session_id: SessionId | None = None
    ) -> int:
        """Put before a person what was paid for stays that are over, and not used; how many are new.

        Looks at sessions with a prepayment since ``paid_from`` and nothing newer than ``over_until``, or at
        one of them.
        """
        ...


async def watch_prepayments(
    books: PrepaidBooks, clock: Clock, observer: Observer, *, every_s: float = EVERY_S
) -> None:
    """Look for ever; books that are away are looked at in the next round."""
    rounds = 0
    while True:
        now = clock.now()
        span = LATELY if rounds % SELDOM else EVER
        try:
            await books.report_all_unused(now, paid_from=now - span, over_until=now - SETTLING)
        except LeaveFirstError as error:
            observer.loop_held_up(loop=LOOP, error=error, retry_in_s=every_s)
        else:
            rounds += 1
        await asyncio.sleep(every_s)
