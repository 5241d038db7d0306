"""The windows of a price list as slots of real time, one local date at a time.

A window's edge falls where the local clock first shows its time, or first jumps over it. So a window over
the hour that happens twice is an hour longer, one over the hour that does not happen an hour shorter, and a
block always lasts as long as it says. Dates are computed once and kept.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias
from zoneinfo import ZoneInfo

from parking.clock import from_ms, to_ms
from parking.tariff import Calendar, NightDay

if TYPE_CHECKING:
    from parking.tariff import Prices, Window

__all__ = ["BASE", "Day", "Slot", "Timeline"]

BASE: Final = -1
"""The place of a moment that lies in no window."""
DATES_KEPT_MAX: Final = 4096
DATES_LOOKED_AHEAD: Final = 3
"""No block is longer than a day."""
MIDNIGHT: Final = time(0)

Slot: TypeAlias = "tuple[int, int, int]"
"""When it ends, in ms since 1970; the place of its window in the list, or BASE; and the ordinal of the date
on which the window began, 0 outside of windows. The last two together name one coming round of a window."""


@dataclass(frozen=True, slots=True)
class Day:
    """One local date: where it begins and ends, its slots, and its shape, equal for dates alike."""

    starts_ms: int
    ends_ms: int
    starts: list[int]
    slots: list[Slot]
    shape: tuple[tuple[int, int, int], ...]


class Timeline:
    """The slots of one list of prices in one time zone."""

    def __init__(self, prices: Prices, zone: str, calendar: Calendar) -> None:
        self._windows = prices.windows
        self._night_day = prices.night_day
        self._zone = ZoneInfo(zone)
        self._calendar = calendar
        self._days: dict[int, Day] = {}

    def ordinal_at(self, moment_ms: int) -> int:
        """The local date at a moment, as its proleptic ordinal."""
        return from_ms(moment_ms).astimezone(self._zone).toordinal()

    def day(self, ordinal: int) -> Day:
        """One date."""
        found = self._days.get(ordinal)
        if found is None:
            if len(self._days) >= DATES_KEPT_MAX:
                self._days.clear()
            found = self._days[ordinal] = self._computed(date.fromordinal(ordinal))
        return found

    def slot_at(self, moment_ms: int, ordinal: int) -> Slot:
        """The slot at a moment of the date with ``ordinal``; one that runs over midnight ends there after."""
        day = self.day(ordinal)
        ends_ms, place, began = day.slots[bisect_right(day.starts, moment_ms) - 1]
        if ends_ms == day.ends_ms:
            following = self.day(ordinal + 1).slots
            if following and following[0][1:] == (place, began):
                ends_ms = following[0][0]
        return ends_ms, place, began

    def edge_after(self, moment_ms: int, ordinal: int) -> int:
        """When another window begins after the slot at a moment, if that is within a few days."""
        ends_ms, place, began = self.slot_at(moment_ms, ordinal)
        for _ in range(DATES_LOOKED_AHEAD):
            while ends_ms >= self.day(ordinal).ends_ms:
                ordinal += 1
            next_ends_ms, *window = self.slot_at(ends_ms, ordinal)
            if window != [place, began]:
                break
            ends_ms = next_ends_ms
        return ends_ms

    def _computed(self, day: date) -> Day:
        starts_ms, ends_ms = self._edge(day, MIDNIGHT), self._edge(day + timedelta(days=1), MIDNIGHT)
        spans = [
            (max(since_ms, starts_ms), min(until_ms, ends_ms), place, began)
            for place, window in enumerate(self._windows)
            for since_ms, until_ms, began in self._spans(window, day)
        ]
        edges = sorted({starts_ms, *(edge for since, until, _, _ in spans for edge in (since, until))})
        slots: list[Slot] = []
        starts: list[int] = []
        for since, until in zip(edges, [*edges[1:], ends_ms], strict=True):
            if since >= until:
                continue
            place, began = next((span[2:] for span in spans if span[0] <= since < span[1]), (BASE, 0))
            if slots and slots[-1][1:] == (place, began):
                slots[-1] = (until, place, began)
            else:
                starts.append(since)
                slots.append((until, place, began))
        ordinal = day.toordinal()
        shape = tuple((until - starts_ms, place, began and began - ordinal) for until, place, began in slots)
        return Day(starts_ms, ends_ms, starts, slots, shape)

    def _spans(self, window: Window, day: date) -> list[tuple[int, int, int]]:
        """Where a window lies on a date, and when each of its spans began."""
        today, tomorrow, yesterday = day, day + timedelta(days=1), day - timedelta(days=1)
        since_ms, until_ms = self._edge(today, window.since), self._edge(today, window.until)
        over_midnight = window.until <= window.since
        spans = []
        if over_midnight and window.until != MIDNIGHT:
            decides = yesterday if self._night_day is NightDay.BEGINNING else today
            if self._holds(window, decides):
                spans.append((self._edge(today, MIDNIGHT), until_ms, yesterday.toordinal()))
        if self._holds(window, today):
            ends_ms = self._edge(tomorrow, MIDNIGHT) if over_midnight else until_ms
            spans.append((since_ms, ends_ms, today.toordinal()))
        return [span for span in spans if span[0] < span[1]]

    def _holds(self, window: Window, day: date) -> bool:
        if window.season is not None and not window.season.has(day.isoformat()):
            return False
        return not window.days or self._calendar.kind(day) in window.days

    def _edge(self, day: date, clock: time) -> int:
        """When the local clock first shows a time on a date, or first jumps over it."""
        shown = datetime.combine(day, clock)
        local = shown.replace(tzinfo=self._zone)
        if local.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) == shown:
            return to_ms(local)
        # A gap: with fold=1 the moment lies before the jump, with fold=0 after it.
        before, after = to_ms(local.replace(fold=1)), to_ms(local)
        while after - before > 1:
            middle = (before + after) // 2
            jumped = from_ms(middle).astimezone(self._zone)
            before, after = (before, middle) if jumped.replace(tzinfo=None) >= shown else (middle, after)
        return after
