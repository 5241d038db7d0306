"""The choices where the practice of garages differs; a tariff names each one or has its default."""

from __future__ import annotations

from enum import StrEnum, unique

__all__ = [
    "Absence",
    "CoveredTime",
    "Crossing",
    "DayKind",
    "FactorOf",
    "FreeRule",
    "MoneyOrder",
    "NightDay",
    "RoundWay",
    "Stacking",
    "TierClock",
    "WhenReplaced",
    "WhenRounded",
]


@unique
class FreeRule(StrEnum):
    """What a stay longer than the free minutes pays for; cities differ."""

    PAY_ALL = "pay_all"
    """From entry, as if nothing had been free."""
    ONLY_REST = "only_rest"
    """From the end of the free minutes; tier and blocks are counted from there."""


@unique
class TierClock(StrEnum):
    """From when the tiers are counted.

    A block that still runs where they begin anew by a fixed clock (24 hours, day) is cut there.
    """

    EACH_24_H = "each_24_h"
    """Anew every 24 hours from entry."""
    EACH_DAY = "each_day"
    """Anew at every local midnight."""
    EACH_WINDOW = "each_window"
    """Anew whenever another window begins; no block is cut."""
    STAY = "stay"
    """From entry, through all nights; no block is cut."""


@unique
class Crossing(StrEnum):
    """What becomes of a block that would reach into another window."""

    STARTS = "starts"
    """It has the price of the window in which it starts, and runs on: rounded up once per stay."""
    CUT = "cut"
    """It is paid in full and ends there; a new one begins in the next window: rounded up per window."""
    SPLIT = "split"
    """It costs what each window asks for the minutes in it, each part half-up to a minor unit."""


@unique
class DayKind(StrEnum):
    """What the garage's calendar says of a date."""

    WEEKDAY = "weekday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    """A public holiday, on whatever day of the week."""
    MAKE_UP_DAY = "make_up_day"
    """A day of the weekend on which people work, in exchange for a holiday."""


@unique
class NightDay(StrEnum):
    """Whose day the hours after midnight belong to, where a window runs over midnight."""

    BEGINNING = "beginning"
    """The day on which the window began decides for all of it."""
    EACH = "each"
    """Each part belongs to the date on which it lies."""


@unique
class FactorOf(StrEnum):
    """What a vehicle's percentage is taken of."""

    TOTAL = "total"
    """Of the price of the stay, after all caps."""
    PRICES = "prices"
    """Of every price of the list, each half-up to a minor unit; the caps stay what they are."""


@unique
class RoundWay(StrEnum):
    """Which way an amount between two steps goes."""

    UP = "up"
    DOWN = "down"
    HALF_UP = "half_up"


@unique
class WhenRounded(StrEnum):
    """When the minimum, the maximum and the rounding of a price are applied."""

    AFTER_DISCOUNTS = "after_discounts"
    BEFORE_DISCOUNTS = "before_discounts"
    """To the price without the vehicle's percentage and without coupons."""


@unique
class CoveredTime(StrEnum):
    """How a stay is counted of which a pass covers a part."""

    NEW_STAY = "new_stay"
    """Every uncovered part is a stay of its own: free minutes, tiers and caps begin with it."""
    FROM_ENTRY = "from_entry"
    """Everything is counted from entry; in the covered time no block begins."""


@unique
class Absence(StrEnum):
    """What becomes of the time between two visits that are one stay."""

    PAID = "paid"
    """It is paid like the rest: the space counts as held."""
    LEFT_OUT = "left_out"
    """No block begins in it."""


@unique
class WhenReplaced(StrEnum):
    """What a stay pays that was inside when another version came into force."""

    KEPT = "kept"
    """All of it by the version in force at entry."""
    SPLIT = "split"
    """From the change on by the new version, as a stay that begins there."""


@unique
class Stacking(StrEnum):
    """How many coupons one stay may use."""

    ALL = "all"
    """All that may be stacked together, or one that may not: whatever costs the driver least."""
    ONE = "one"
    """The one that costs the driver least."""


@unique
class MoneyOrder(StrEnum):
    """In which order coupons take money off; those for time always go first."""

    AS_GIVEN = "as_given"
    AMOUNT_FIRST = "amount_first"
    PERCENT_FIRST = "percent_first"
