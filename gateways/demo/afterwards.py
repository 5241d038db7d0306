"""After the last car: the weeks in which charges are tried again and doubts are asked about, in leaps.

Each leap ends when nothing moves any more, because what a leap makes due has its own due times after it.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gateways.demo.traffic import OPENING
from parking.errors import DependencyError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateways.demo.office import Office
    from gateways.demo.tally import Tally
    from parking.clock import FileClock
    from parking.live.journal import LiveJournal

__all__ = ["WAITING", "play_out", "until_settled"]

WAITING: Final = frozenset({"due", "sent", "accepted", "in_doubt"})
SENT: Final = frozenset({"sent"})
LEAPS: Final = (
    timedelta(minutes=16),
    timedelta(hours=1, minutes=1),
    timedelta(hours=2, minutes=1),
    timedelta(hours=10, minutes=1),
    timedelta(days=1, minutes=1),
    timedelta(days=1, hours=12, minutes=1),
    timedelta(days=2, minutes=1),
    timedelta(days=4, minutes=1),
    *(timedelta(days=5, minutes=1),) * 4,
)
"""At least the delay of the collection and the waits of the shipped schedule, in its order; the last ones are
for what doubts have held up."""
LOOK_EVERY_SECONDS: Final = 0.1
STUCK_FOR_LOOKS: Final = 60
STILL_WITHIN_SECONDS: Final = 120.0
SETTLED_LOOK_SECONDS: Final = 0.03
SETTLED_WITHIN_SECONDS: Final = 240.0


async def until_settled(journal: LiveJournal, groups: tuple[str, ...]) -> None:
    """Wait until every record of the gates is billed and granted."""
    try:
        async with asyncio.timeout(SETTLED_WITHIN_SECONDS):
            for group in groups:
                while True:
                    if await _has_settled(journal, group):
                        break
                    await asyncio.sleep(SETTLED_LOOK_SECONDS)
    except TimeoutError:
        raise Unavailable("settlement does not catch up") from None


async def _has_settled(journal: LiveJournal, group: str) -> bool:
    try:
        return not (await journal.backlog(group)).records
    except DependencyError:
        return False


async def play_out(clock: FileClock, office: Office, tally: Tally) -> Mapping[str, Any]:
    """Leap until no charge waits for anything; the summary of how things stand then."""
    summary = await _until_still(clock, office)
    for leap in LEAPS:
        if not _count(summary, WAITING):
            break
        tally.now = clock.now() + leap
        clock.move_to(tally.now)
        summary = await _until_still(clock, office)
    return summary


async def _until_still(clock: FileClock, office: Office) -> Mapping[str, Any]:
    """The summary once nothing is under way or due, or once what is does not move any more."""
    last: Mapping[str, Any] = {}
    same = 0
    give_up_at = asyncio.get_running_loop().time() + STILL_WITHIN_SECONDS
    while asyncio.get_running_loop().time() < give_up_at:
        summary = await office.summary(OPENING.isoformat())
        same = same + 1 if summary == last else 0
        last = summary
        # What a killed process had sent is asked about when its lease is over: only a leap can end that.
        if same >= STUCK_FOR_LOOKS or not _moves(summary, clock.now()):
            break
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return last


def _moves(summary: Mapping[str, Any], now: datetime) -> bool:
    """Whether a charge is at its rail, or due."""
    return bool(_count(summary, SENT)) or any(
        one["next_at"] is not None and datetime.fromisoformat(one["next_at"]) <= now
        for one in summary["charges"]
    )


def _count(summary: Mapping[str, Any], states: frozenset[str]) -> int:
    return sum(one["charges"] for one in summary["charges"] if one["state"] in states)
