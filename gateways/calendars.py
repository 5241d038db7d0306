"""Public holidays and make-up working days by country, from libraries that are kept up to date.

Asked only when a price list is loaded: what they say is written into the tariff and stays there, because
a library that learns of a holiday later must not change the price of a bill. A region or a year that they do
not know is refused, so that a holiday is never priced as a working day by silence; days that are known
better are named in the list itself.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import chinese_calendar
import holidays

from parking.errors import InvalidInput
from parking.tariff import Calendar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateways.tariff_tables import CalendarTable

__all__ = ["calendar_of"]

CHINA: Final = "CN"
SATURDAY: Final = 5


def calendar_of(table: CalendarTable) -> Calendar:
    """The days of a table; raises :class:`InvalidInput` with the field that is wrong."""
    if bool(table.region) != bool(table.years):
        raise InvalidInput("region and years go together", ("calendar.years",))
    free: set[date] = set()
    worked: set[date] = set()
    if table.region == CHINA:
        free, worked = _china(table.years)
    elif table.region:
        free = _elsewhere(table.region, table.years)
    ordinary = {*table.ordinary_days}
    free = (free | {*table.holidays}) - {*table.make_up_days} - ordinary
    worked = (worked | {*table.make_up_days}) - {*table.holidays} - ordinary
    return Calendar(
        region=table.region,
        years=tuple(sorted(table.years)),
        holidays=tuple(sorted(free)),
        make_up_days=tuple(sorted(worked)),
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


def _elsewhere(region: str, years: Iterable[int]) -> set[date]:
    country, _, part = region.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=list(years))
    except NotImplementedError:
        raise InvalidInput("no country, or no part of one, that is known", ("calendar.region",)) from None
    return set(found)


def _days(year: int) -> Iterable[date]:
    first = date(year, 1, 1)
    count = (date(year + 1, 1, 1) - first).days
    return (first + timedelta(days=number) for number in range(count))
