"""The days of a calendar by country: which are found, and what is refused so that none is lost by silence."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gateways.calendars import calendar_of
from gateways.tariff_tables import CalendarTable
from parking.errors import InvalidInput
from parking.tariff import Calendar, DayKind, Rate, Tariff, Weekday, version_id_of


def found(region: str, *years: int, **said: Any) -> Calendar:  # noqa: ANN401 - as a file says it
    return calendar_of(CalendarTable.model_validate({"region": region, "years": years, **said}))


UNKNOWN = "no country, or no part of one, that is known"


@pytest.mark.parametrize(
    ("region", "year", "field", "reason"),
    [
        # An alias of the library's would have China's days without the weekends that are worked.
        ("CHN", 2026, "region", UNKNOWN),
        ("Germany", 2026, "region", UNKNOWN),
        ("HolidayBase", 2026, "region", UNKNOWN),
        ("XNYS", 2026, "region", UNKNOWN),
        ("__class__", 2026, "region", UNKNOWN),
        ("de", 2026, "region", UNKNOWN),
        ("XX", 2026, "region", UNKNOWN),
        ("DE-", 2026, "region", UNKNOWN),
        ("DE-XX", 2026, "region", UNKNOWN),
        ("DE-BE\n", 2026, "region", UNKNOWN),
        ("CN-ZJ", 2026, "region", UNKNOWN),
        ("DE", 1980, "years", "no holiday of 1980 is known"),
        ("DE", 2150, "years", "no holiday of 2150 is known"),
        ("JP", 2100, "years", "no holiday of 2100 is known"),
        ("UA", 2027, "years", "no holiday of 2027 is known"),
        # India's movable holidays are known to the library for fewer years than the others.
        ("IN", 2040, "years", "not all holidays of these years are known"),
        ("CN", 2027, "years", "the calendar of 2027 is not published yet"),
    ],
)
def test_a_region_or_a_year_whose_days_are_not_known_is_refused(
    region: str, year: int, field: str, reason: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        found(region, year)
    assert str(refused.value) == reason
    assert refused.value.fields == (f"calendar.{field}",)


@pytest.mark.parametrize("region", ["CN", "DE"])
@pytest.mark.parametrize("year", [-5, 0, 1969, 2200, 9999, 99_999, 10**20])
def test_a_year_that_no_stay_can_be_in_is_refused(region: str, year: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        found(region, 2026, year)
    assert str(refused.value) == f"not in the years 1970 to 2199: {year}"
    assert refused.value.fields == ("calendar.years",)


def test_one_year_that_is_not_known_among_others_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no holiday of 2027 is known"):
        found("UA", 2021, 2027)


@pytest.mark.parametrize(
    ("region", "year", "worked"),
    [
        ("CN", 2026, ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]),
        ("HU", 2026, ["01-10", "08-08"]),
        ("VN", 2026, ["08-22"]),
        ("RU", 2027, ["02-20"]),
        ("DE-BE", 2026, []),
    ],
)
def test_the_weekends_that_a_country_works_for_a_holiday_are_make_up_days(
    region: str, year: int, worked: list[str]
) -> None:
    days = tuple(date.fromisoformat(f"{year}-{day}") for day in worked)
    assert found(region, year).make_up_days == days


@pytest.mark.parametrize(
    ("region", "weekend"),
    [
        ("CN", [Weekday.SATURDAY, Weekday.SUNDAY]),
        ("DE", [Weekday.SATURDAY, Weekday.SUNDAY]),
        ("BH", [Weekday.FRIDAY, Weekday.SATURDAY]),
        ("IL", [Weekday.FRIDAY, Weekday.SATURDAY]),
        ("BN", [Weekday.FRIDAY, Weekday.SUNDAY]),
        ("HK", [Weekday.SUNDAY]),
        ("MY-02", [Weekday.FRIDAY, Weekday.SATURDAY]),
    ],
)
def test_a_country_has_the_weekend_that_it_keeps(region: str, weekend: list[Weekday]) -> None:
    assert found(region, 2026).weekend == tuple(weekend)


def test_a_friday_is_weekend_and_a_sunday_is_not_where_people_work_on_sundays() -> None:
    kept = found("BH", 2026)
    kinds = [kept.kind(date(2026, 3, day)) for day in (5, 6, 7, 8)]
    assert kinds == [DayKind.WEEKDAY, DayKind.WEEKEND, DayKind.WEEKEND, DayKind.WEEKDAY]


def test_a_list_names_the_weekend_that_it_has_whatever_the_region_says() -> None:
    named = found("HK", 2026, weekend=["sunday", "saturday"])
    assert named.weekend == (Weekday.SATURDAY, Weekday.SUNDAY)
    assert named.holidays == found("HK", 2026).holidays


def test_a_weekend_that_changed_within_the_years_is_to_be_named() -> None:
    with pytest.raises(InvalidInput, match="the weekend changed within these years: name it") as refused:
        found("MY-01", 2024, 2025)
    assert refused.value.fields == ("calendar.weekend",)
    assert found("MY-01", 2024, 2025, weekend=["friday"]).weekend == (Weekday.FRIDAY,)


@pytest.mark.parametrize("weekend", [[], ["friday", "friday"], list(Weekday)])
def test_a_weekend_is_some_days_of_the_week(weekend: list[str]) -> None:
    with pytest.raises(InvalidInput, match="one to six days of the week, each once") as refused:
        found("", weekend=weekend)
    assert refused.value.fields == ("calendar.weekend",)


def test_a_weekend_of_saturday_and_sunday_stays_out_of_the_id_and_another_does_not() -> None:
    def version_id(**said: object) -> str:
        calendar = calendar_of(CalendarTable.model_validate(said))
        rate = Rate(block_minutes=60, block_price_fen=500)
        return version_id_of(Tariff(tariff_id="a", name="A", then=rate, calendar=calendar))

    assert version_id() == version_id(weekend=["sunday", "saturday"]) != version_id(weekend=["friday"])


def test_a_day_that_a_list_names_both_ways_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        found("", holidays=["2026-05-01", "2026-05-02"], make_up_days=["2026-05-02"])
    assert str(refused.value) == "a day is a holiday or a make-up day, not both: 2026-05-02"
    assert refused.value.fields == ("calendar.make_up_days",)


def test_what_a_list_names_goes_before_what_the_region_says() -> None:
    named = found(
        "CN", 2026, holidays=["2026-01-04"], make_up_days=["2026-01-01"], ordinary_days=["2026-01-02"]
    )
    kinds = [named.kind(date(2026, 1, day)) for day in (1, 2, 3, 4)]
    assert kinds == [DayKind.MAKE_UP_DAY, DayKind.WEEKDAY, DayKind.HOLIDAY, DayKind.HOLIDAY]
