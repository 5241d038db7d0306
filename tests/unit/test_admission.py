"""What a new price list is refused for, and that it never is for what a stay could meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parking.errors import InvalidInput
from parking.plate import Colour, VehicleClass
from parking.tariff import (
    Calendar,
    DayKind,
    NightDay,
    Prices,
    Rate,
    Season,
    Tariff,
    VehicleRule,
    Window,
    check_admissible,
)
from tests.unit.test_generated_tariffs import MINUTE_MS, entries, priced, tariffs

HOUR = Rate(block_minutes=60, block_price_fen=100)
CALENDAR = Calendar(holidays=(date(2026, 5, 1),), make_up_days=(date(2026, 5, 9),))
WEEKDAY, WEEKEND, HOLIDAY, MAKE_UP_DAY = DayKind


def window(name: str, since: int = 0, until: int = 0, **others: Any) -> Window:  # noqa: ANN401 - fields
    """From one full hour to another."""
    return Window(name=name, since=time(since), until=time(until), then=HOUR, **others)


def listed(*windows: Window, **others: Any) -> Tariff:  # noqa: ANN401 - fields
    return Tariff(tariff_id="a", name="A", then=HOUR, windows=windows, calendar=CALENDAR, **others)


def refusal(tariff: Tariff) -> str:
    """Place and reason, or nothing."""
    try:
        check_admissible(tariff)
    except InvalidInput as error:
        return f"{', '.join(error.fields)}: {error}"
    return ""


def season(since: str, until: str) -> dict[str, Any]:
    return {"season": Season(since=since, until=until)}


NIGHT = window("night", 22, 7)
HIDDEN: list[tuple[str, tuple[Window, ...], str]] = [
    ("the same hours", (NIGHT, window("late", 22, 7)), "night"),
    ("within them", (NIGHT, window("late", 23, 6)), "night"),
    ("after midnight only", (NIGHT, window("early", 2, 5)), "night"),
    ("all day before", (window("always"), window("late", 23, 6, days=(HOLIDAY,))), "always"),
    ("two together", (window("one", 8, 12), window("two", 12, 20), window("mid", 10, 14)), "one, two"),
    (
        "every kind of day has another",
        (
            window("work", 8, 20, days=(WEEKDAY, MAKE_UP_DAY)),
            window("off", 9, 18, days=(WEEKEND, HOLIDAY)),
            window("noon", 11, 13),
        ),
        "off, work",
    ),
    (
        "a night of the same days",
        (window("a", 20, 8, days=(WEEKEND,)), window("b", 22, 6, days=(WEEKEND,))),
        "a",
    ),
    (
        "a season within another",
        (window("summer", **season("06-01", "08-31")), window("july", 8, 9, **season("07-01", "07-31"))),
        "summer",
    ),
    (
        "dates within a season",
        (window("may", **season("05-01", "05-31")), window("fair", **season("2026-05-01", "2026-05-20"))),
        "may",
    ),
    (
        "over new year",
        (window("winter", **season("12-01", "02-29")), window("feast", **season("12-24", "01-02"))),
        "winter",
    ),
    (
        "dates within dates",
        (
            window("fair", **season("2026-05-01", "2026-05-20")),
            window("day", **season("2026-05-02", "2026-05-02")),
        ),
        "fair",
    ),
]
LEFT: list[tuple[str, tuple[Window, ...]]] = [
    ("an hour is left", (NIGHT, window("late", 21, 6))),
    ("the other days are left", (window("a", 22, 7, days=(WEEKEND,)), window("b", 22, 7))),
    (
        "Sunday's night is Monday's morning",
        (window("a", 0, 8, days=(WEEKEND,)), window("b", 22, 6, days=(WEEKEND,))),
    ),
    ("a minute is left", (window("a", 0, 12), Window(name="b", since=time(12, 1), then=HOUR), window("c"))),
    (
        "another season",
        (window("summer", **season("06-01", "08-31")), window("june", **season("05-31", "06-30"))),
    ),
    ("once, not every year", (window("fair", **season("2026-05-01", "2026-05-20")), window("may", 8, 9))),
    (
        "longer than a season",
        (window("may", **season("05-01", "05-31")), window("b", **season("2026-05-01", "2027-05-20"))),
    ),
    ("leap days only", (window("a", **season("03-01", "02-28")), window("b", **season("02-29", "02-29")))),
    ("the order decides", (window("late", 23, 6), NIGHT)),
]


@pytest.mark.parametrize(("windows", "names"), [row[1:] for row in HIDDEN], ids=[row[0] for row in HIDDEN])
def test_a_window_that_others_always_hide_is_refused(windows: tuple[Window, ...], names: str) -> None:
    assert refusal(listed(*windows)) == (
        f"windows[{len(windows) - 1}]: never applies: windows before it have all its time: {names}"
    )


@pytest.mark.parametrize("windows", [row[1] for row in LEFT], ids=[row[0] for row in LEFT])
def test_a_window_to_which_anything_is_left_is_not_refused(windows: tuple[Window, ...]) -> None:
    assert not refusal(listed(*windows))


@pytest.mark.parametrize(
    ("night_day", "place"), [(NightDay.BEGINNING, ""), (NightDay.EACH, "windows[1]")], ids=str
)
def test_whose_day_a_night_is_tells_whether_it_hides_the_morning(night_day: NightDay, place: str) -> None:
    night = window("night", 22, 7, days=(WEEKEND,))
    early = window("early", 1, 5, days=(WEEKEND,))
    assert refusal(listed(night, early, night_day=night_day)).startswith(place)
    assert bool(refusal(listed(night, early, night_day=night_day))) is bool(place)


@pytest.mark.parametrize(
    ("days", "others", "refused"),
    [
        ((HOLIDAY,), {}, False),
        ((HOLIDAY,), season("05-02", "12-31"), True),
        ((HOLIDAY, WEEKEND), season("05-02", "12-31"), False),
        ((MAKE_UP_DAY,), season("2026-05-09", "2026-05-09"), False),
        ((MAKE_UP_DAY,), season("2026-05-10", "2026-05-31"), True),
        ((WEEKEND,), season("2026-05-04", "2026-05-08"), True),
        ((WEEKEND,), season("2026-05-04", "2026-05-10"), False),
        ((WEEKDAY,), season("2026-05-01", "2026-05-01"), True),
    ],
)
def test_a_window_for_days_that_the_calendar_has_not_is_refused(
    days: tuple[DayKind, ...], others: dict[str, Any], *, refused: bool
) -> None:
    why = "windows[0].days: never applies: the calendar of this list has no such day"
    assert refusal(listed(window("a", days=days, **others))) == (why if refused else "")


@pytest.mark.parametrize(
    ("since", "until", "place"),
    [
        ("02-30", "03-01", "since"),
        ("04-31", "05-01", "since"),
        ("01-01", "11-31", "until"),
        ("2026-02-28", "2026-02-29", "until"),
        ("0000-01-01", "2026-01-01", "since"),
        ("02-29", "03-01", ""),
        ("2028-02-29", "2028-02-29", ""),
    ],
)
def test_a_day_that_no_year_has_is_refused_with_its_place(since: str, until: str, place: str) -> None:
    day = {"since": since, "until": until}.get(place)
    said = refusal(listed(window("a", **season(since, until))))
    assert said == (f"windows[0].season.{place}: there is no such day: {day}" if place else "")


@pytest.mark.parametrize(
    ("day", "since_it", "until_it"),
    [("2027-02-28", False, True), ("2027-03-01", True, False), ("2028-02-29", True, True)],
)
def test_the_leap_day_bounds_a_season_in_every_year(day: str, *, since_it: bool, until_it: bool) -> None:
    assert Season(since="02-29", until="04-30").has(day) is since_it
    assert Season(since="01-10", until="02-29").has(day) is until_it


def test_the_prices_of_a_vehicle_are_looked_at_too() -> None:
    prices = Prices(then=HOUR, windows=(NIGHT, window("late", 23, 1)))
    large = VehicleRule(name="large", colours=(Colour.YELLOW,), prices=prices)
    assert refusal(listed(vehicles=(large,))).startswith("vehicles[0].prices.windows[1]: never applies")


def test_a_vehicle_rule_that_others_always_precede_is_refused() -> None:
    green = VehicleRule(name="green", colours=(Colour.GREEN, Colour.YELLOW_GREEN), percent=50)
    duty = VehicleRule(name="duty", classes=(VehicleClass.POLICE,), percent=0)
    again = VehicleRule(name="again", colours=(Colour.GREEN,), classes=(VehicleClass.POLICE,), percent=10)
    assert not refusal(listed(vehicles=(green, again)))
    assert refusal(listed(vehicles=(green, duty, again))) == (
        "vehicles[2]: never applies: rules before it have all its colours and classes"
    )


@settings(max_examples=300, deadline=None)
@given(tariff=tariffs(), entry=entries, length=st.integers(0, 20 * 1440))
def test_what_is_refused_is_missed_by_no_stay(tariff: Tariff, entry: int, length: int) -> None:
    windows = list(tariff.windows)
    while (said := refusal(replace(tariff, windows=tuple(windows)))).startswith("windows["):
        del windows[int(said[len("windows[")])]
    kept = replace(tariff, windows=tuple(windows))
    found, left = (priced(one, entry, length * MINUTE_MS).amount_fen for one in (tariff, kept))
    assert found == left
