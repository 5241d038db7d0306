"""Public holidays, make-up working days and weekends by country, from libraries that are kept up to date.

Asked only when a price list is loaded: what they say is written into the tariff and stays there, because
a library that learns of a holiday later must not change the price of a bill. A region or a year that they do
not know is refused, so that a holiday is never priced as a working day by silence; days that are known
better are named in the list itself.
"""

from __future__ import annotations

import re
import warnings
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import chinese_calendar
import holidays

from gateways.tariff_tables import within
from gateways.tariff_words import YEAR_MAX, YEAR_MIN
from parking.errors import InvalidInput
from parking.tariff import Calendar, Weekday

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from holidays import HolidayBase

    from gateways.tariff_tables import CalendarTable

__all__ = ["calendar_of"]

CHINA: Final = "CN"
SATURDAY: Final = 5
WEEK: Final = tuple(Weekday)
REGION: Final = re.compile("([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")
"""Codes of ISO 3166: the library has further names for countries, and the names of its own classes."""


def calendar_of(table: CalendarTable) -> Calendar:
    """The days of a table; raises :class:`InvalidInput` with the field that is wrong."""
    if bool(table.region) != bool(table.years):
        raise InvalidInput("region and years go together", ("calendar.years",))
    if strange := [year for year in table.years if not YEAR_MIN <= year <= YEAR_MAX]:
        raise InvalidInput(f"not in the years {YEAR_MIN} to {YEAR_MAX}: {strange[0]}", ("calendar.years",))
    free: set[date] = set()
    worked: set[date] = set()
    if table.region == CHINA:
        free, worked = _china(table.years)
    elif table.region:
        free, worked = _elsewhere(table.region, table.years)
    weekend = _weekend(table)
    ordinary = {*table.ordinary_days}
    free = (free - {*table.make_up_days} | {*table.holidays}) - ordinary
    worked = (worked - {*table.holidays} | {*table.make_up_days}) - ordinary
    with within("calendar"):
        return Calendar(
            region=table.region,
            years=tuple(sorted(table.years)),
            holidays=tuple(sorted(free)),
            make_up_days=tuple(sorted(worked)),
            weekend=weekend,
        )


def _china(years: Iterable[int]) -> tuple[set[date], set[date]]:
    """The days off by decree with the weekends that they take in, and the weekends worked for them."""
    free: set[date] = set()
    worked: set[date] = set()
    for year in years:
        try:
            for day in _days(year):
                off, festival = chinese_calendar.get_holiday_detail(day)
                if off and festival is not None:
                    free.add(day)
                elif not off and day.weekday() >= SATURDAY:
                    worked.add(day)
        except NotImplementedError:
            raise InvalidInput(f"the calendar of {year} is not published yet", ("calendar.years",)) from None
    return free, worked


def _elsewhere(region: str, years: Collection[int]) -> tuple[set[date], set[date]]:
    """The days off with the weekends that are worked for them; the library warns where it knows but some."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        country = _country(region, years)
    if told:
        raise InvalidInput("not all holidays of these years are known", ("calendar.years",))
    for year in years:
        if not any(day.year == year for day in country):
            raise InvalidInput(f"no holiday of {year} is known", ("calendar.years",))
    return {*country}, {day for day in country.weekend_workdays if day.year in years}


def _weekend(table: CalendarTable) -> tuple[Weekday, ...]:
    """As the table names it, or else as its region keeps it."""
    if table.weekend is not None:
        return tuple(sorted(table.weekend, key=WEEK.index))
    if not table.region:
        return Calendar().weekend
    country = _country(table.region)
    days = [day for year in table.years for day in _days(year)]
    kept = {day.weekday() for day in days if country.is_weekend(day)}
    if any(day.weekday() in kept and not country.is_weekend(day) for day in days):
        raise InvalidInput("the weekend changed within these years: name it", ("calendar.weekend",))
    return tuple(WEEK[number] for number in sorted(kept))


def _country(region: str, years: Iterable[int] = ()) -> HolidayBase:
    """What the library knows of a region in these years."""
    code = REGION.fullmatch(region)
    parts = holidays.list_supported_countries().get(code[1]) if code else None
    if code is None or parts is None or code[2] not in {None, *parts}:
        raise InvalidInput("no country, or no part of one, that is known", ("calendar.region",))
    return holidays.country_holidays(code[1], subdiv=code[2], years=list(years))


def _days(year: int) -> Iterable[date]:
    first = date(year, 1, 1)
    count = (date(year + 1, 1, 1) - first).days
    return (first + timedelta(days=number) for number in range(count))
