"""What a new price list is refused for, although one on record that says it is read as ever.

A name that is no line of text, a day that no year has, and windows or vehicles that can never have their
price because others stand before them: slips of the pen that would otherwise be found on a bill. Refused is
what is certain by the list itself, whatever the year and the stay; what is only unlikely is let through.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from parking.errors import InvalidInput
from parking.tariff.choices import DayKind, NightDay
from parking.tariff.rates import DAY_MINUTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import time

    from parking.tariff.price_list import Calendar, Tariff, VehicleRule
    from parking.tariff.rates import Prices, Season, Window

__all__ = ["check_admissible", "check_name"]

ALL_KINDS: Final = frozenset(DayKind)
PLAIN_KINDS: Final = frozenset({DayKind.WEEKDAY, DayKind.WEEKEND})
NAME_MAX: Final = 200
"""Names stand in proofs, on bills and in terminals."""
LEAP_YEAR: Final = 2000
LEAP_YEAR_DAYS: Final = 366
"""It has every date that a year can have."""


@dataclass(frozen=True, slots=True)
class Part:
    """Minutes of a local date in which a window holds, where its day is one of its days.

    Its day is the date, or the day before.
    """

    window: Window
    minutes: range
    by_day_before: bool


def check_admissible(tariff: Tariff) -> None:
    """Raise :class:`InvalidInput`, with the place, for what the list says in vain, or nobody can read."""
    check_name(tariff.name, "name")
    _check_windows(tariff, tariff.calendar, "")
    for place, rule in enumerate(tariff.vehicles):
        where = f"vehicles[{place}]"
        check_name(rule.name, f"{where}.name")
        if _is_taken(rule, tariff.vehicles[:place]):
            raise InvalidInput("never applies: rules before it have all its colours and classes", (where,))
        if rule.prices is not None:
            _check_windows(rule.prices, tariff.calendar, f"{where}.prices.")


def check_name(name: str, where: str) -> None:
    """Raise :class:`InvalidInput` for a name that cannot stand in a line of a proof."""
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise InvalidInput(f"1 to {NAME_MAX} characters that can be printed", (where,))


def _is_taken(rule: VehicleRule, before: tuple[VehicleRule, ...]) -> bool:
    colours = {colour for one in before for colour in one.colours}
    classes = {found for one in before for found in one.classes}
    return colours.issuperset(rule.colours) and classes.issuperset(rule.classes)


def _check_windows(prices: Prices, calendar: Calendar, where: str) -> None:
    parts: list[Part] = []
    for place, window in enumerate(prices.windows):
        field = f"{where}windows[{place}]"
        check_name(window.name, f"{field}.name")
        if window.season is not None:
            _check_days(window.season, f"{field}.season.")
        kinds = _kinds(window, calendar)
        if not kinds:
            raise InvalidInput("never applies: the calendar of this list has no such day", (f"{field}.days",))
        own = list(_parts(window, prices.night_day))
        hiding = [_hiding(part, kind, parts) for part in own for kind in sorted(kinds)]
        if all(hiding):
            names = ", ".join(sorted(set().union(*hiding)))
            raise InvalidInput(f"never applies: windows before it have all its time: {names}", (field,))
        parts += own


def _check_days(season: Season, where: str) -> None:
    for name, day in (("since", season.since), ("until", season.until)):
        try:
            date.fromisoformat(f"{LEAP_YEAR}-{day}" if season.yearly else day)
        except ValueError:
            raise InvalidInput(f"there is no such day: {day}", (f"{where}{name}",)) from None


def _kinds(window: Window, calendar: Calendar) -> set[DayKind]:
    """The kinds of days on which a window can hold at all."""
    return _kinds_in(window.season, calendar) & (set(window.days) or ALL_KINDS)


def _kinds_in(season: Season | None, calendar: Calendar) -> set[DayKind]:
    if season is not None and not season.yearly and len(days := _days(season)) < LEAP_YEAR_DAYS:
        return {calendar.kind(day) for day in days}
    special = (*calendar.holidays, *calendar.make_up_days)
    return {*PLAIN_KINDS, *(calendar.kind(day) for day in special if season is None or season.has(str(day)))}


def _parts(window: Window, night_day: NightDay) -> Iterator[Part]:
    since, until = _minute(window.since), _minute(window.until)
    if since < until:
        yield Part(window, range(since, until), by_day_before=False)
        return
    yield Part(window, range(since, DAY_MINUTES), by_day_before=False)
    if until:
        yield Part(window, range(until), by_day_before=night_day is NightDay.BEGINNING)


def _hiding(part: Part, kind: DayKind, before: list[Part]) -> set[str]:
    """The windows that hold in all its minutes where its day is of this kind; none if minutes are left.

    A window's edges move with the local clock, and never past each other: so minutes of an ordinary day tell.
    """
    found: set[str] = set()
    free = part.minutes.start
    with_it = (one for one in before if _goes_with(one, part, kind))
    for other in sorted(with_it, key=lambda one: one.minutes.start):
        if other.minutes.start <= free < other.minutes.stop:
            found.add(other.window.name)
            free = other.minutes.stop
            if free >= part.minutes.stop:
                return found
    return set()


def _goes_with(other: Part, part: Part, kind: DayKind) -> bool:
    """Whether another window's day decides for it wherever this part's does, on a day of this kind."""
    days = frozenset(other.window.days) or ALL_KINDS
    if other.by_day_before is not part.by_day_before:
        return days == ALL_KINDS and other.window.season is None
    return kind in days and _has_all_of(other.window.season, part.window.season)


def _has_all_of(season: Season | None, of: Season | None) -> bool:
    if season is None or season == of:
        return True
    if of is None:
        return False
    if not season.yearly:
        return not of.yearly and season.since <= of.since and of.until <= season.until
    return all(season.has(str(day)) for day in _days(of))


def _days(season: Season) -> list[date]:
    """The days of a season, but of more than a year those that a year can have."""
    first, last = date(LEAP_YEAR, 1, 1), date(LEAP_YEAR, 12, 31)
    if season.yearly:
        return [
            day for number in range(LEAP_YEAR_DAYS) if season.has(str(day := first + timedelta(days=number)))
        ]
    since, until = date.fromisoformat(season.since), date.fromisoformat(season.until)
    if (until - since).days + 1 < LEAP_YEAR_DAYS:
        first, last = since, until
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute
