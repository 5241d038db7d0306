"""Who comes when, and for how long: a shopping complex with offices on one day.

Pure and seeded. Shares, hours and stays are rough averages of such places; together they fill most of
the spaces around lunch and in the evening. A car that finds the garage full waits until another leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

__all__ = ["BLOCK", "DAY", "EVE", "FREE_MINUTES", "OPENING", "SPACES", "Visit", "visits_of_a_day"]

DAY: Final = datetime(2026, 10, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
EVE: Final = timedelta(hours=30)
"""Who owes since the day before was here so long before. Long enough for a bill of then to be overdue."""
OPENING: Final = DAY - EVE
"""Where the clock begins."""
SPACES: Final = 1_300
FREE_MINUTES: Final = 30
BLOCK: Final = timedelta(minutes=30)
BLOCK_MARGIN: Final = timedelta(minutes=6)
"""Nobody comes to the exit in the last minutes of a paid block: the time that it takes to see a price and to
pay it must not decide what the price is, or two plays of one day could differ."""


BLOCK_BEGUN: Final = timedelta(seconds=2)
"""Nor in its first moments: some cameras know whole seconds only, and which of a car's two does must not
decide what it pays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Drivers of one habit; hours of the day with their weights, stays in minutes as low, high, mode."""

    name: str
    share: float
    hours: Sequence[tuple[float, float, float]]
    """From, until, weight."""
    stay: tuple[float, float, float]


CROWDS: Final = (
    Crowd(name="commuter", share=0.037, hours=((7, 8, 3), (8, 9, 5), (9, 9.5, 1)), stay=(420, 660, 560)),
    Crowd(
        name="shopper",
        share=0.43,
        hours=((9.5, 11, 4), (11, 13, 3), (13, 15, 4), (15, 17, 4), (17, 19.5, 4), (19.5, 20.5, 0.5)),
        stay=(34, 200, 55),
    ),
    Crowd(
        name="diner", share=0.19, hours=((11, 13, 3), (16.5, 18.5, 4), (18.5, 20.5, 4)), stay=(45, 120, 60)
    ),
    Crowd(name="pick-up", share=0.335, hours=((7, 10, 3), (10, 16, 6), (16, 22, 6)), stay=(3, 29, 12)),
    Crowd(name="overnight", share=0.01, hours=((18, 20, 1), (20, 22.5, 2)), stay=(570, 780, 680)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One stay; ``waited`` when the garage was full at first."""

    entered_at: datetime
    left_at: datetime
    waited: timedelta


def visits_of_a_day(vehicles: int, spaces: int, chance: Random) -> list[Visit]:
    """That many visits in the order of their entries; never more than ``spaces`` of them at once."""
    wishes = sorted(_wish(chance) for _ in range(vehicles))
    inside: list[datetime] = []
    visits = []
    for came_at, stay in wishes:
        entered_at = came_at
        while inside and inside[0] <= entered_at:
            heappop(inside)
        if len(inside) == spaces:
            entered_at = heappop(inside)
        visits.append(Visit(entered_at=entered_at, left_at=entered_at + stay, waited=entered_at - came_at))
        heappush(inside, entered_at + stay)
    return visits


def _wish(chance: Random) -> tuple[datetime, timedelta]:
    """When somebody comes, and the time they want to stay."""
    (crowd,) = chance.choices(CROWDS, [one.share for one in CROWDS])
    ((low, high, _),) = chance.choices(crowd.hours, [weight for _, _, weight in crowd.hours])
    came_at = DAY + _whole(timedelta(hours=chance.uniform(low, high)))
    return came_at, _clear_of_block_end(_whole(timedelta(minutes=chance.triangular(*crowd.stay))))


def _whole(span: timedelta) -> timedelta:
    """To the tenth of a second, as cameras have it."""
    return timedelta(milliseconds=span // timedelta(milliseconds=100) * 100)


def _clear_of_block_end(stay: timedelta) -> timedelta:
    begun = stay % BLOCK
    return stay - BLOCK_MARGIN if begun < BLOCK_BEGUN or BLOCK - begun < BLOCK_MARGIN else stay
