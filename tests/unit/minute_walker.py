"""A second pricer, written from the rules: it watches the clock minute by minute, sharing no code with ours.

It knows free minutes, windows, tiers, blocks and caps, for stays that begin and end on whole minutes, or on
the ticks of a clock that ticks more often: times are ticks since 1970, of which a minute has ``ticks``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from parking.tariff import Crossing, FreeRule, NightDay, Prices, Tariff, TierClock, Window

__all__ = ["Walker", "walked"]

DAY = 1440
Place = tuple[int, date | None]
NOWHERE: Place = (-1, None)


def walked(tariff: Tariff, entry: int, leave: int, ticks: int = 1) -> int:
    """The price of a stay from tick ``entry`` to tick ``leave``, in fen."""
    free = tariff.free_minutes * ticks
    if leave - entry <= free:
        return 0
    start = entry + free if tariff.free_rule is FreeRule.ONLY_REST else entry
    return Walker(tariff, entry, start, ticks=ticks).walk(leave)


class Walker:
    def __init__(
        self,
        tariff: Tariff,
        entry: int,
        start: int,
        gaps: Sequence[range] = (),
        *,
        percent: int = 100,
        ticks: int = 1,
    ) -> None:
        """In ``gaps`` no block begins; ``percent`` is taken of every price, and of no cap."""
        self.tariff, self.entry, self.gaps, self.percent, self.ticks = tariff, entry, gaps, percent, ticks
        self.tier_from = self.paid_until = self.start = start
        self.last = self.block_in = NOWHERE
        self.flats: set[Place] = set()
        self.spent: dict[object, int] = {}
        self.total = 0

    def walk(self, leave: int) -> int:
        tariff = self.tariff
        for now in range(self.start, leave):
            if self.restarts(now) and now > self.start:
                self.tier_from, self.paid_until = now, min(self.paid_until, now)
            here = self.place(now)
            if tariff.crossing is Crossing.CUT and here != self.block_in:
                self.paid_until = min(self.paid_until, now)
            if now >= self.paid_until and not any(now in gap for gap in self.gaps):
                self.begin_block(now, here)
        return self.total

    def restarts(self, now: int) -> bool:
        match self.tariff.tier_clock:
            case TierClock.EACH_24_H:
                return (now - self.entry) % (DAY * self.ticks) == 0
            case TierClock.EACH_DAY:
                return self.date(now) != self.date(now - 1)
            case _:
                return False

    def place(self, now: int) -> Place:
        return place_at(self.tariff, self.tariff.zone, now // self.ticks)

    def date(self, now: int) -> date:
        return local(self.tariff.zone, now // self.ticks).date()

    def begin_block(self, now: int, here: Place) -> None:
        tariff = self.tariff
        self.arrive(now, here)
        self.block_in = here
        window = tariff.windows[here[0]] if here[1] else None
        if window is not None and window.flat_fen is not None:
            if here not in self.flats:
                self.flats.add(here)
                self.charge(self.share_of(window.flat_fen), now, here)
            return
        length, price = self.rate(now, here)
        span = range(now, now + length)
        cut = next((one for one in span if one > now and self.restarts(one)), now + length)
        edge = next((one for one in range(now, cut) if self.place(one) != here), None)
        self.paid_until = now + length
        if tariff.crossing is Crossing.SPLIT and edge is not None:
            self.share(now, cut)
        else:
            self.charge(price, now, here)

    def arrive(self, now: int, here: Place) -> None:
        if here != self.last and self.tariff.tier_clock is TierClock.EACH_WINDOW:
            self.tier_from = now
        self.last = here

    def share(self, now: int, until: int) -> None:
        while now < until:
            here = self.place(now)
            end = now
            while end < until and self.place(end) == here:
                end += 1
            self.arrive(now, here)
            length, price = self.rate(now, here)
            whole, rest = divmod(price * (end - now), length)
            self.charge(whole + (1 if 2 * rest >= length else 0), now, here)
            now = end

    def rate(self, now: int, here: Place) -> tuple[int, int]:
        lists: Prices | Window = self.tariff.windows[here[0]] if here[1] else self.tariff
        ends = self.tier_from
        for tier in (lists.first, *lists.next):
            if tier is not None:
                ends += tier.minutes * self.ticks
                if now < ends:
                    return tier.block_minutes * self.ticks, self.share_of(tier.block_price_fen)
        assert lists.then is not None
        return lists.then.block_minutes * self.ticks, self.share_of(lists.then.block_price_fen)

    def share_of(self, price: int) -> int:
        whole, rest = divmod(price * self.percent, 100)
        return whole + (1 if 2 * rest >= 100 else 0)

    def charge(self, price: int, now: int, here: Place) -> None:
        window = self.tariff.windows[here[0]] if here[1] else None
        caps: list[tuple[object, int | None]] = []
        if window is not None:
            caps.append((here, window.cap_fen))
        if window is None or window.counts:
            caps.append((self.date(now), self.tariff.cap_day_fen))
            caps.append(((now - self.entry) // (DAY * self.ticks), self.tariff.cap_fen))
        caps = [one for one in caps if one[1] is not None]
        for name, cap in caps:
            price = min(price, (cap or 0) - self.spent.get(name, 0))
        for name, _ in caps:
            self.spent[name] = self.spent.get(name, 0) + price
        self.total += price


@lru_cache(maxsize=200_000)
def local(zone: str, minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@lru_cache(maxsize=20_000)
def first_shown(zone: str, day: date, clock: time) -> int:
    """The first minute of the world at which the local clock is at ``clock`` on ``day``, or beyond."""
    shown = datetime.combine(day, clock)
    minute = int(shown.replace(tzinfo=UTC).timestamp()) // 60 - 15 * 60
    while local(zone, minute) < shown:
        minute += 1
    return minute


@lru_cache(maxsize=100_000)
def place_at(prices: Tariff, zone: str, now: int) -> Place:
    today = local(zone, now).date()
    yesterday = today - timedelta(days=1)
    for number, window in enumerate(prices.windows):
        if window.until > window.since or window.until == time(0):
            tomorrow = today + timedelta(days=1)
            until = first_shown(
                zone, *((tomorrow, time(0)) if window.until == time(0) else (today, window.until))
            )
            if first_shown(zone, today, window.since) <= now < until and applies(prices, window, today):
                return number, today
            continue
        if now >= first_shown(zone, today, window.since) and applies(prices, window, today):
            return number, today
        deciding = yesterday if prices.night_day is NightDay.BEGINNING else today
        if now < first_shown(zone, today, window.until) and applies(prices, window, deciding):
            return number, yesterday
    return NOWHERE


def applies(prices: Tariff, window: Window, day: date) -> bool:
    if window.days and prices.calendar.kind(day) not in window.days:
        return False
    if window.season is None:
        return True
    since, until = window.season.since, window.season.until
    text = day.isoformat() if len(since) == len("2026-01-01") else f"{day:%m-%d}"
    return since <= text <= until if since <= until else text >= since or text <= until
