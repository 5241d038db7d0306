"""A price list as it is written: in a TOML file, in the operator's API, and in the schema for editors.

Shape and types are checked here, with no field unknown; what makes a possible price is the tariff's own
business. The tables have the fields and the defaults of the values in :mod:`parking.tariff`, which a test
holds, and :func:`built` makes those of them; its errors name the place, as ``windows[1].until``.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from datetime import date, time
from typing import TYPE_CHECKING, Annotated, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from parking.errors import InvalidInput
from parking.plate import Colour, VehicleClass
from parking.tariff import (
    DAY_MINUTES,
    PERCENT_MAX,
    PRICE_MAX_FEN,
    SEASON_DAY,
    Absence,
    Calendar,
    CouponRule,
    CoveredTime,
    Crossing,
    DayKind,
    FactorOf,
    FreeRule,
    MoneyOrder,
    NightDay,
    Prices,
    Rate,
    RoundWay,
    Season,
    Stacking,
    Tier,
    TierClock,
    Total,
    VehicleRule,
    Weekday,
    WhenReplaced,
    WhenRounded,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["BUILDS", "CalendarTable", "Fen", "Table", "TariffTable", "built", "place_of", "within"]

Built = TypeVar("Built")


def _local_time(value: object) -> object:
    if not isinstance(value, str | time):
        raise ValueError("a local time, as 22:00")  # noqa: TRY004 - what pydantic takes for a wrong value
    return value


def _a_date(value: object) -> object:
    if not isinstance(value, str | date) or (isinstance(value, str) and value.isdecimal()):
        raise ValueError("a date, as 2026-10-01")
    return value


Whole = Annotated[int, Strict()]
Blocks = Annotated[int, Strict(), Field(json_schema_extra={"minimum": 1, "maximum": DAY_MINUTES})]
Percent = Annotated[int, Strict(), Field(json_schema_extra={"minimum": 0, "maximum": PERCENT_MAX})]
Fen = Annotated[
    int,
    Strict(),
    Field(
        description="Whole minor units of the currency.",
        json_schema_extra={"minimum": 0, "maximum": PRICE_MAX_FEN},
    ),
]
Yes = Annotated[bool, Strict()]
Clock = Annotated[
    time,
    BeforeValidator(_local_time),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"}),
]
Day = Annotated[date, BeforeValidator(_a_date)]
SeasonDay = Annotated[str, Field(json_schema_extra={"pattern": f"^{SEASON_DAY}$"})]


class Table(BaseModel):
    """A TOML table: no unknown keys, no number for a text."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class RateTable(Table):
    """A price for every started block."""

    block_minutes: Blocks
    block_price_fen: Fen


class TierTable(RateTable):
    """Another rate for so many minutes of the tier clock."""

    minutes: Blocks
    """A whole number of the tier's blocks."""


class SeasonTable(Table):
    """Dates from one to another, both included."""

    since: SeasonDay
    """MM-DD for every year, or YYYY-MM-DD for once; 02-29 is 1 March in a year without it."""
    until: SeasonDay
    """The last day; 02-29 is 28 February in a year without it."""


class WindowTable(Table):
    """Hours of the day, on some days or all, with blocks of their own or one flat price."""

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": {"since": ["until"], "until": ["since"]}}
    )

    name: str
    """Stands in the lines of a proof."""
    since: Clock = time(0)
    """Local time, as 22:00."""
    until: Clock = time(0)
    """At or before `since` it is on the next day; midnight to midnight is the whole day."""
    days: tuple[DayKind, ...] = ()
    """Empty: every day."""
    season: SeasonTable | None = None
    first: TierTable | None = None
    next: tuple[TierTable, ...] = ()
    then: RateTable | None = None
    flat_fen: Fen | None = None
    """Instead of `then`: one price for each time that the window comes round."""
    cap_fen: Fen | None = None
    """The most that the window costs each time that it comes round."""
    counts: Yes = True
    """Whether its prices count towards the caps of the whole list."""

    @model_validator(mode="after")
    def _check_both_edges(self) -> Self:
        given = self.model_fields_set & {"since", "until"}
        if len(given) == 1:
            raise PydanticCustomError("edges", "`since` and `until` go together; midnight is 00:00")
        return self


class PricesTable(Table):
    """A whole list of prices."""

    then: RateTable
    """The rate after all tiers, outside of all windows."""
    first: TierTable | None = None
    next: tuple[TierTable, ...] = ()
    """Further tiers after the first."""
    cap_fen: Fen | None = None
    """The most that 24 hours from entry cost."""
    cap_day_fen: Fen | None = None
    """The most that a local calendar day costs."""
    windows: tuple[WindowTable, ...] = ()
    """The first that a moment lies in decides."""
    tier_clock: TierClock = TierClock.EACH_24_H
    crossing: Crossing = Crossing.STARTS
    night_day: NightDay = NightDay.BEGINNING


class VehicleTable(Table):
    """Vehicles that pay otherwise; the first that fits decides."""

    name: str
    colours: tuple[Colour, ...] = ()
    classes: tuple[VehicleClass, ...] = ()
    percent: Percent = 100
    """0 is free of charge."""
    percent_of: FactorOf = FactorOf.TOTAL
    extra_free_minutes: Whole = 0
    prices: PricesTable | None = None
    """Instead of the list."""


class TotalTable(Table):
    """Bounds and rounding of a price."""

    minimum_fen: Fen = 0
    maximum_fen: Fen | None = None
    """The cap per stay."""
    round_to_fen: Fen = 1
    round_way: RoundWay = RoundWay.HALF_UP
    when: WhenRounded = WhenRounded.AFTER_DISCOUNTS


class CouponTable(Table):
    """How coupons are put together."""

    stacking: Stacking = Stacking.ALL
    money_order: MoneyOrder = MoneyOrder.AS_GIVEN


class CalendarTable(Table):
    """Public holidays and make-up working days of some years, and the weekend."""

    region: str = ""
    """CN, or a country with its part, as DE or DE-BY; empty: only the days named here."""
    years: tuple[Whole, ...] = ()
    """The years of which the region's days are written into the tariff; other years have none."""
    holidays: tuple[Day, ...] = ()
    """Further holidays."""
    make_up_days: tuple[Day, ...] = ()
    """Further make-up working days."""
    ordinary_days: tuple[Day, ...] = ()
    """Dates that are no holidays and no make-up days here, whatever the region says."""
    weekend: tuple[Weekday, ...] | None = None
    """Left out: the region's; Saturday and Sunday without one."""


class TariffTable(PricesTable):
    """One version of a price list."""

    free_minutes: Whole = 0
    free_rule: FreeRule = FreeRule.PAY_ALL
    calendar: CalendarTable = CalendarTable()
    vehicles: tuple[VehicleTable, ...] = ()
    total: TotalTable = TotalTable()
    covered_time: CoveredTime = CoveredTime.NEW_STAY
    coupons: CouponTable = CouponTable()
    reentry_minutes: Whole = 0
    absence: Absence = Absence.PAID
    when_replaced: WhenReplaced = WhenReplaced.KEPT


BUILDS: dict[type[Table], type] = {
    RateTable: Rate,
    TierTable: Tier,
    SeasonTable: Season,
    WindowTable: Window,
    PricesTable: Prices,
    VehicleTable: VehicleRule,
    TotalTable: Total,
    CouponTable: CouponRule,
}


def built(table: Table, into: Callable[..., Built], calendar: Calendar, **others: object) -> Built:
    """The value that a table describes; raises :class:`InvalidInput` with the place of what is wrong.

    ``others`` are fields that the table has not; ``calendar`` stands for the table's own.
    """
    fields = inspect.signature(into).parameters
    values = {name: _value(value, name, calendar) for name, value in table if name in fields}
    return into(**values, **others)


def _value(value: object, place: str, calendar: Calendar) -> object:
    match value:
        case CalendarTable():
            return calendar
        case Table():
            with within(place):
                return built(value, BUILDS[type(value)], calendar)
        case tuple():
            return tuple(_value(one, f"{place}[{index}]", calendar) for index, one in enumerate(value))
        case _:
            return value


def place_of(location: tuple[int | str, ...]) -> str:
    """A place in nested tables as people write it."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


@contextmanager
def within(place: str, but: frozenset[str] = frozenset()) -> Iterator[None]:
    """Put the table that an error is in before its fields, ``but`` for those of the whole file."""
    try:
        yield
    except InvalidInput as error:
        fields = tuple(one if one in but else f"{place}.{one}" for one in error.fields)
        raise InvalidInput(str(error), fields) from error
