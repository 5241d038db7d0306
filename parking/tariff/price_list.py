"""What a garage charges, as one immutable version of its price list.

A version's id is a hash of its content, so that a bill can say for ever by what it was priced, and a
changed price can never hide behind an old id. Fields that are not set, or say what they would say unset,
stay out of the hash: a later release with more to say about prices leaves the ids of today's tariffs as
they are. A default, once released, is never changed.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, time
from enum import StrEnum, unique
from functools import lru_cache
from hashlib import blake2b
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from typing_extensions import override

from parking.errors import InvalidInput
from parking.ids import TariffVersionId
from parking.plate import Colour, VehicleClass
from parking.tariff.choices import (
    Absence,
    CoveredTime,
    DayKind,
    FactorOf,
    FreeRule,
    MoneyOrder,
    RoundWay,
    Stacking,
    WhenReplaced,
    WhenRounded,
)
from parking.tariff.rates import DAY_MINUTES, PRICE_MAX_FEN, Prices, check_percent

__all__ = ["Calendar", "CouponRule", "Tariff", "Total", "VehicleRule", "Weekday", "version_id_of"]

TARIFF_ID = re.compile("[a-z0-9][a-z0-9-]{0,39}")
CURRENCY = re.compile("[A-Z]{3}")
ALWAYS_HASHED = frozenset({"free_minutes", "free_rule", "zone", "currency"})
"""Fields that the first ids were made of, set or not."""


@unique
class Weekday(StrEnum):
    """The days of the week, in their order."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


WEEK = tuple(Weekday)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The special days of some years, written out: a price must not change when a library learns of more.

    Dates of other years are plain weekdays and weekends. ``region`` says where the days were taken from.
    ``weekend`` is in the order of the week.
    """

    region: str = ""
    years: tuple[int, ...] = ()
    holidays: tuple[date, ...] = ()
    make_up_days: tuple[date, ...] = ()
    weekend: tuple[Weekday, ...] = (Weekday.SATURDAY, Weekday.SUNDAY)

    def __post_init__(self) -> None:
        if both := {*self.holidays} & {*self.make_up_days}:
            raise InvalidInput(
                f"a day is a holiday or a make-up day, not both: {min(both)}", ("make_up_days",)
            )
        if not 0 < len(self.weekend) < len(WEEK) or len({*self.weekend}) < len(self.weekend):
            raise InvalidInput("one to six days of the week, each once", ("weekend",))

    def kind(self, day: date) -> DayKind:
        """What the date is."""
        if day in self.holidays:
            return DayKind.HOLIDAY
        if day in self.make_up_days:
            return DayKind.MAKE_UP_DAY
        return DayKind.WEEKEND if WEEK[day.weekday()] in self.weekend else DayKind.WEEKDAY


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleRule:
    """Vehicles that pay otherwise, by colour or class of the plate; 0 percent is free of charge.

    ``prices`` replaces the list as a whole; ``percent`` is then taken of that.
    """

    name: str
    colours: tuple[Colour, ...] = ()
    classes: tuple[VehicleClass, ...] = ()
    percent: int = 100
    percent_of: FactorOf = FactorOf.TOTAL
    extra_free_minutes: int = 0
    prices: Prices | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidInput("a name for the lines of a proof", ("name",))
        if not self.colours and not self.classes:
            raise InvalidInput("at least one colour or class", ("colours",))
        check_percent("percent", self.percent)
        if not 0 <= self.extra_free_minutes <= DAY_MINUTES:
            raise InvalidInput(f"0 to {DAY_MINUTES} minutes", ("extra_free_minutes",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Bounds of the price of a stay that costs anything at all, then its rounding.

    ``maximum_fen`` is the cap per stay. Both bounds are whole steps of ``round_to_fen``.
    """

    minimum_fen: int = 0
    maximum_fen: int | None = None
    round_to_fen: int = 1
    round_way: RoundWay = RoundWay.HALF_UP
    when: WhenRounded = WhenRounded.AFTER_DISCOUNTS

    def __post_init__(self) -> None:
        if not 0 < self.round_to_fen <= PRICE_MAX_FEN:
            raise InvalidInput(f"1 to {PRICE_MAX_FEN} minor units", ("round_to_fen",))
        for name, bound in (("minimum_fen", self.minimum_fen), ("maximum_fen", self.maximum_fen or 0)):
            if not 0 <= bound <= PRICE_MAX_FEN:
                raise InvalidInput(f"0 to {PRICE_MAX_FEN} minor units", (name,))
            if bound % self.round_to_fen:
                raise InvalidInput("not a whole number of rounding steps", (name,))
        if self.maximum_fen is not None and self.maximum_fen < max(self.minimum_fen, 1):
            raise InvalidInput("below the minimum", ("maximum_fen",))


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponRule:
    """How coupons are put together."""

    stacking: Stacking = Stacking.ALL
    money_order: MoneyOrder = MoneyOrder.AS_GIVEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff(Prices):
    """One version of a price list.

    A stay of exactly the free minutes is free, one millisecond more is not. A car that comes back within
    ``reentry_minutes`` continues its stay; 0 makes every entry a new one.
    """

    tariff_id: str
    name: str
    free_minutes: int = 0
    free_rule: FreeRule = FreeRule.PAY_ALL
    zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    calendar: Calendar = Calendar()
    vehicles: tuple[VehicleRule, ...] = ()
    total: Total = Total()
    covered_time: CoveredTime = CoveredTime.NEW_STAY
    coupons: CouponRule = CouponRule()
    reentry_minutes: int = 0
    absence: Absence = Absence.PAID
    when_replaced: WhenReplaced = WhenReplaced.KEPT

    @override
    def __post_init__(self) -> None:
        if not TARIFF_ID.fullmatch(self.tariff_id):
            raise InvalidInput("small letters, digits and hyphens, at most 40", ("tariff_id",))
        for name, minutes in (("free_minutes", self.free_minutes), ("reentry_minutes", self.reentry_minutes)):
            if not 0 <= minutes <= DAY_MINUTES:
                raise InvalidInput(f"0 to {DAY_MINUTES} minutes", (name,))
        if not CURRENCY.fullmatch(self.currency):
            raise InvalidInput("three capital letters of ISO 4217", ("currency",))
        _check_zone(self.zone)
        Prices.__post_init__(self)


@lru_cache(maxsize=4096)
def version_id_of(tariff: Tariff) -> TariffVersionId:
    """``<tariff id>@<12 hex digits over the whole content>``; equal content, equal id, everywhere."""
    canonical = json.dumps(_content(tariff), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    digest = blake2b(canonical.encode(), digest_size=6).hexdigest()
    return TariffVersionId(f"{tariff.tariff_id}@{digest}")


def _content(value: object) -> object:
    """As JSON, without what is not set."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            one.name: _content(content)
            for one in fields(value)
            for content in (getattr(value, one.name),)
            if one.name in ALWAYS_HASHED or one.default is MISSING or content != one.default
        }
    if isinstance(value, tuple):
        return [_content(one) for one in value]
    if isinstance(value, date | time):
        return value.isoformat()
    return value


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("not a time zone of the tz database", ("zone",)) from None
