"""A price list made ready for counting: milliseconds, flat tuples, nothing left to look up by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from parking.pricing.timeline import Timeline
from parking.proof import Rule
from parking.tariff import Crossing, FactorOf, FreeRule, Prices, Rate, Tier, TierClock, Total

if TYPE_CHECKING:
    from parking.plate import Plate, VehicleClass
    from parking.tariff import Calendar, Tariff, VehicleRule, Window

__all__ = ["DAY_MS", "FOR_EVER", "MINUTE_MS", "Plan", "Sheet", "Terms", "WindowSheet", "plan_of"]

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
FOR_EVER: Final = 1 << 60
"""In milliseconds, about thirty million years."""
PLANS_KEPT_MAX: Final = 1024

Rates: TypeAlias = "tuple[tuple[int, int, int, Rule], ...]"
"""Where the tier ends on the tier clock in ms, block in ms, its price in fen, the rule of its lines."""


@dataclass(frozen=True, slots=True)
class WindowSheet:
    """The prices of one window, or of all time in no window."""

    name: str
    rates: Rates
    flat_fen: int | None
    cap_fen: int | None
    counts: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """One list of prices; ``windows`` ends with what holds in none of them, so that BASE finds it.

    ``timeline`` is missing where nothing depends on the time of day. ``cuts`` says that no block outlasts its
    period, ``per_day`` that periods are local days and not 24 hours from entry.
    """

    windows: tuple[WindowSheet, ...]
    timeline: Timeline | None
    cuts: bool
    per_day: bool
    per_window: bool
    crossing: Crossing
    cap_fen: int | None
    cap_day_fen: int | None
    tiers_ms: int
    capped: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What one kind of vehicle pays by, under ``rule`` if it is not the ordinary kind."""

    tariff: Tariff
    rule: VehicleRule | None
    sheet: Sheet
    free_ms: int
    free_then_rest: bool
    plain: bool
    """Whether nothing is left to do when the blocks are counted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole tariff made ready; ``vehicles`` in the order in which they are tried."""

    tariff: Tariff
    ordinary: Terms
    vehicles: tuple[tuple[VehicleRule, Terms], ...]

    def terms(self, plate: Plate, found_class: VehicleClass | None = None) -> Terms:
        """By the first rule for the colour of the plate, or for the class: that found, else the plate's."""
        if self.vehicles:
            colour, vehicle_class = plate.colour, found_class or plate.vehicle_class
            for rule, terms in self.vehicles:
                if colour in rule.colours or vehicle_class in rule.classes:
                    return terms
        return self.ordinary


_plans: dict[int, Plan] = {}


def plan_of(tariff: Tariff) -> Plan:
    """The tariff made ready; kept by identity, which is cheaper to ask than equality, while it is in use."""
    found = _plans.get(id(tariff))
    if found is None or found.tariff is not tariff:
        if len(_plans) >= PLANS_KEPT_MAX:
            _plans.clear()
        found = _plans[id(tariff)] = _plan(tariff)
    return found


def _plan(tariff: Tariff) -> Plan:
    ordinary = _terms(tariff, None)
    return Plan(tariff, ordinary, tuple((rule, _terms(tariff, rule)) for rule in tariff.vehicles))


def _terms(tariff: Tariff, rule: VehicleRule | None) -> Terms:
    prices: Prices = tariff
    percent = 100
    free_minutes = tariff.free_minutes
    if rule is not None:
        prices = rule.prices or tariff
        percent = rule.percent if rule.percent_of is FactorOf.PRICES else 100
        free_minutes += rule.extra_free_minutes
    return Terms(
        tariff,
        rule,
        _sheet(prices, tariff.zone, tariff.calendar, percent),
        free_ms=free_minutes * MINUTE_MS,
        free_then_rest=tariff.free_rule is FreeRule.ONLY_REST,
        plain=rule is None and tariff.total == Total(),
    )


def _sheet(prices: Prices, zone: str, calendar: Calendar, percent: int = 100) -> Sheet:
    clock = prices.tier_clock
    base = WindowSheet("", _rates(prices.first, prices.next, prices.then, percent), None, None, counts=True)
    windows = (*(_window(one, percent) for one in prices.windows), base)
    caps = (prices.cap_fen, prices.cap_day_fen, *(one.cap_fen for one in prices.windows))
    by_date = bool(prices.windows) or clock is TierClock.EACH_DAY or prices.cap_day_fen is not None
    return Sheet(
        windows=windows,
        timeline=Timeline(prices, zone, calendar) if by_date else None,
        cuts=clock in {TierClock.EACH_24_H, TierClock.EACH_DAY},
        per_day=clock is TierClock.EACH_DAY,
        per_window=clock is TierClock.EACH_WINDOW,
        crossing=prices.crossing,
        cap_fen=prices.cap_fen,
        cap_day_fen=prices.cap_day_fen,
        tiers_ms=max([rate[0] for one in windows for rate in one.rates[:-1]], default=0),
        capped=any(cap_fen is not None for cap_fen in caps),
    )


def _window(window: Window, percent: int) -> WindowSheet:
    rates = () if window.then is None else _rates(window.first, window.next, window.then, percent)
    flat_fen = None if window.flat_fen is None else _share(window.flat_fen, percent)
    return WindowSheet(window.name, rates, flat_fen, window.cap_fen, window.counts)


def _rates(first: Tier | None, after: tuple[Tier, ...], then: Rate, percent: int) -> Rates:
    rates = []
    ends_ms = 0
    for tier in (first, *after) if first is not None else ():
        if tier is not None:
            ends_ms += tier.minutes * MINUTE_MS
            rule = Rule.FIRST_TIER if tier is first else Rule.NEXT_TIER
            rates.append(
                (ends_ms, tier.block_minutes * MINUTE_MS, _share(tier.block_price_fen, percent), rule)
            )
    rates.append(
        (FOR_EVER, then.block_minutes * MINUTE_MS, _share(then.block_price_fen, percent), Rule.BLOCKS)
    )
    return tuple(rates)


def _share(amount_fen: int, percent: int) -> int:
    return (amount_fen * percent + 50) // 100
