"""What a garage charges, as data: prices, windows, vehicles, rounding, and the choices between practices."""

from __future__ import annotations

from parking.tariff.admission import check_admissible, check_name
from parking.tariff.choices import (
    Absence,
    CoveredTime,
    Crossing,
    DayKind,
    FactorOf,
    FreeRule,
    MoneyOrder,
    NightDay,
    RoundWay,
    Stacking,
    TierClock,
    WhenReplaced,
    WhenRounded,
)
from parking.tariff.price_list import (
    Calendar,
    CouponRule,
    Tariff,
    Total,
    VehicleRule,
    Weekday,
    version_id_of,
)
from parking.tariff.rates import (
    DAY_MINUTES,
    PERCENT_MAX,
    PRICE_MAX_FEN,
    SEASON_DAY,
    Prices,
    Rate,
    Season,
    Tier,
    Window,
)
from parking.tariff.schedule import TariffSchedule, TariffVersion

__all__ = [
    "DAY_MINUTES",
    "PERCENT_MAX",
    "PRICE_MAX_FEN",
    "SEASON_DAY",
    "Absence",
    "Calendar",
    "CouponRule",
    "CoveredTime",
    "Crossing",
    "DayKind",
    "FactorOf",
    "FreeRule",
    "MoneyOrder",
    "NightDay",
    "Prices",
    "Rate",
    "RoundWay",
    "Season",
    "Stacking",
    "Tariff",
    "TariffSchedule",
    "TariffVersion",
    "Tier",
    "TierClock",
    "Total",
    "VehicleRule",
    "Weekday",
    "WhenReplaced",
    "WhenRounded",
    "Window",
    "check_admissible",
    "check_name",
    "version_id_of",
]
