"""Prices for started blocks, and what they may look like in one window of the day.

All prices are whole minor units of the tariff's currency; names say *fen*, whatever the currency.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

from parking.errors import InvalidInput
from parking.tariff.choices import Crossing, DayKind, NightDay, TierClock

__all__ = [
    "DAY_MINUTES",
    "PERCENT_MAX",
    "PRICE_MAX_FEN",
    "SEASON_DAY",
    "Prices",
    "Rate",
    "Season",
    "Tier",
    "Window",
    "check_percent",
]

DAY_MINUTES = 24 * 60
PRICE_MAX_FEN = 1_000_000_000
"""A block or a cap above it is a slip of the pen, also where a day costs millions, as in rupiah or dong."""
PERCENT_MAX = 1000
MIDNIGHT = time(0)
SEASON_DAY = "([0-9]{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
YEARLY = len("MM-DD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A price for every started block."""

    block_minutes: int
    block_price_fen: int

    def __post_init__(self) -> None:
        _check_block(self.block_minutes, self.block_price_fen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Another rate for so many minutes of the tier clock: whole blocks, so that none crosses its end."""

    minutes: int
    block_minutes: int
    block_price_fen: int

    def __post_init__(self) -> None:
        _check_block(self.block_minutes, self.block_price_fen)
        if not 0 < self.minutes <= DAY_MINUTES:
            raise InvalidInput(f"1 to {DAY_MINUTES} minutes", ("minutes",))
        if self.minutes % self.block_minutes:
            raise InvalidInput("not a whole number of the tier's blocks", ("minutes",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """Dates from ``since`` to ``until``, both included.

    ``MM-DD`` holds every year, over New Year if it must; ``YYYY-MM-DD`` once. In a year without 29 February
    a season since that day begins on 1 March, and one until it ends on 28 February.
    """

    since: str
    until: str

    def __post_init__(self) -> None:
        for name, day in (("since", self.since), ("until", self.until)):
            if not re.fullmatch(SEASON_DAY, day):
                raise InvalidInput("MM-DD or YYYY-MM-DD", (name,))
        if len(self.since) != len(self.until):
            raise InvalidInput("both with a year, or both without", ("until",))
        if not self.yearly and self.until < self.since:
            raise InvalidInput("before the season begins", ("until",))

    @property
    def yearly(self) -> bool:
        """Whether it comes every year."""
        return len(self.since) == YEARLY

    def has(self, iso_date: str) -> bool:
        """Whether the date, written ``YYYY-MM-DD``, lies in the season."""
        day = iso_date[-len(self.since) :]
        if self.since <= self.until:
            return self.since <= day <= self.until
        return day >= self.since or day <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Hours of the day, on some days or all, with a price of their own: blocks, or one flat price.

    ``since`` and ``until`` are local times; ``until`` at or before ``since`` is on the next day, and
    midnight to midnight is the whole day. A flat price is paid once for each time that the window comes
    round and a block would begin in it. ``counts`` says whether its prices count towards the caps of the
    whole list; its own ``cap_fen`` always holds.
    """

    name: str
    since: time = MIDNIGHT
    until: time = MIDNIGHT
    days: tuple[DayKind, ...] = ()
    season: Season | None = None
    first: Tier | None = None
    next: tuple[Tier, ...] = ()
    then: Rate | None = None
    flat_fen: int | None = None
    cap_fen: int | None = None
    counts: bool = True

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidInput("a name for the lines of a proof", ("name",))
        for name, clock in (("since", self.since), ("until", self.until)):
            if clock.second or clock.microsecond or clock.tzinfo is not None:
                raise InvalidInput("whole minutes of local time", (name,))
        if (self.then is None) == (self.flat_fen is None):
            raise InvalidInput("either a rate, `then`, or a flat price, `flat_fen`", ("then",))
        if self.flat_fen is not None:
            self._check_flat(self.flat_fen)
        _check_tiers(self.first, self.next)
        _check_cap("cap_fen", self.cap_fen, dearest_fen(self.first, self.next, self.then))

    def _check_flat(self, flat_fen: int) -> None:
        if not 0 <= flat_fen <= PRICE_MAX_FEN:
            raise InvalidInput(f"0 to {PRICE_MAX_FEN} minor units", ("flat_fen",))
        if self.first is not None or self.cap_fen is not None:
            raise InvalidInput("a flat price has neither tiers nor a cap", ("flat_fen",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """A whole list of prices: what holds in general, and the windows in which something else does.

    Of the windows that a moment lies in, the first of the list decides. Every block pays at most what is left
    under each cap that it counts towards, by the moment at which it begins: that of its window, then
    ``cap_day_fen`` for the local calendar day, then ``cap_fen`` for 24 hours from entry.
    """

    then: Rate
    first: Tier | None = None
    next: tuple[Tier, ...] = ()
    """Further tiers after the first, one after the other."""
    cap_fen: int | None = None
    cap_day_fen: int | None = None
    windows: tuple[Window, ...] = ()
    tier_clock: TierClock = TierClock.EACH_24_H
    crossing: Crossing = Crossing.STARTS
    night_day: NightDay = NightDay.BEGINNING

    def __post_init__(self) -> None:
        _check_tiers(self.first, self.next)
        dearest = max(
            dearest_fen(self.first, self.next, self.then),
            *(dearest_fen(one.first, one.next, one.then) for one in self.windows if one.counts),
            0,
        )
        _check_cap("cap_fen", self.cap_fen, dearest)
        _check_cap("cap_day_fen", self.cap_day_fen, dearest)
        flat = any(one.flat_fen is not None for one in self.windows)
        if flat and self.crossing is Crossing.SPLIT:
            raise InvalidInput("a flat price cannot be shared by minutes", ("crossing",))


def dearest_fen(first: Tier | None, after: tuple[Tier, ...], then: Rate | None) -> int:
    """The price of the dearest block."""
    return max((one.block_price_fen for one in (first, *after, then) if one is not None), default=0)


def check_percent(name: str, percent: int) -> None:
    """Raise :class:`InvalidInput` for what is no percentage of a price."""
    if not 0 <= percent <= PERCENT_MAX:
        raise InvalidInput(f"0 to {PERCENT_MAX} percent", (name,))


def _check_block(minutes: int, price_fen: int) -> None:
    if not 0 < minutes <= DAY_MINUTES:
        raise InvalidInput(f"1 to {DAY_MINUTES} minutes", ("block_minutes",))
    if not 0 <= price_fen <= PRICE_MAX_FEN:
        raise InvalidInput(f"0 to {PRICE_MAX_FEN} minor units", ("block_price_fen",))


def _check_tiers(first: Tier | None, after: tuple[Tier, ...]) -> None:
    if after and first is None:
        raise InvalidInput("comes after a first tier, and there is none", ("next",))


def _check_cap(name: str, cap_fen: int | None, dearest: int) -> None:
    if cap_fen is None:
        return
    if not 0 < cap_fen <= PRICE_MAX_FEN:
        raise InvalidInput(f"1 to {PRICE_MAX_FEN} minor units, or left out", (name,))
    if cap_fen < dearest:
        raise InvalidInput(f"below the price of a single block, {dearest} minor units", (name,))
