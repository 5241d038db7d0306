"""The second pricer's view of a whole stay: visits joined, vehicles, covered time, coupons.

Written from the rules, around :mod:`tests.unit.minute_walker`, and like it without any code of ours. Times
are minutes since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations

from parking.coupon import Coupon, CouponKind, End
from parking.plate import Colour, Plate, VehicleClass
from parking.tariff import (
    Absence,
    CoveredTime,
    FactorOf,
    FreeRule,
    MoneyOrder,
    RoundWay,
    Stacking,
    Tariff,
    Total,
    VehicleRule,
    WhenRounded,
)
from tests.unit.minute_walker import Walker

__all__ = ["Stayed", "Visited", "walked_stay"]

Gaps = list[range]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """An earlier visit that may be of the same stay, and what it was charged."""

    entry: int
    leave: int
    charged_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stayed:
    """The last visit of a car, the earlier ones in time order, and what the stay is given."""

    plate: Plate
    earlier: tuple[Visited, ...]
    entry: int
    leave: int
    covered: tuple[range, ...]
    coupons: tuple[Coupon, ...]


def walked_stay(tariff: Tariff, stayed: Stayed, vehicle_class: VehicleClass) -> int:
    """The price of a stay, in fen, of a vehicle of a class."""
    rules = (one for one in tariff.vehicles if _fits(one, stayed.plate.colour, vehicle_class))
    rule = next(rules, None)
    prices = _listed(tariff, rule)
    entry = stayed.entry
    charged_fen, absences = 0, Gaps()
    for visit in reversed(stayed.earlier):
        if not 0 <= entry - visit.leave <= tariff.reentry_minutes or not tariff.reentry_minutes:
            break
        if tariff.absence is Absence.LEFT_OUT:
            absences.append(range(visit.leave, entry))
        entry, charged_fen = visit.entry, charged_fen + visit.charged_fen
    free = tariff.free_minutes + (rule.extra_free_minutes if rule else 0)
    percent = rule.percent if rule and rule.percent_of is FactorOf.PRICES else 100

    def cost(used: Sequence[Coupon]) -> int:
        first, last = entry, stayed.leave
        covered = list(stayed.covered)
        for coupon in used:
            if coupon.kind is CouponKind.WINDOW:
                covered.append(range(_minute(coupon.since), _minute(coupon.until)))
            if coupon.kind is CouponKind.MINUTES:
                taken = min(coupon.minutes, last - first)
                first, last = (first + taken, last) if coupon.off is End.START else (first, last - taken)
        fen = sum(
            _part(prices, free, part, gaps, percent)
            for part, gaps in _parts(tariff, first, last, covered, absences)
        )
        return max(0, _finished(tariff.total, rule, used, fen) - charged_fen)

    return min(cost(used) for used in _sets(tariff, stayed.coupons))


def _fits(rule: VehicleRule, colour: Colour, vehicle_class: VehicleClass) -> bool:
    return any(colour == one for one in rule.colours) or any(vehicle_class == one for one in rule.classes)


def _listed(tariff: Tariff, rule: VehicleRule | None) -> Tariff:
    """The tariff with the prices of a vehicle's own list, where it has one."""
    if rule is None or rule.prices is None:
        return tariff
    own = rule.prices
    return replace(
        tariff,
        then=own.then,
        first=own.first,
        next=own.next,
        cap_fen=own.cap_fen,
        cap_day_fen=own.cap_day_fen,
        windows=own.windows,
        tier_clock=own.tier_clock,
        crossing=own.crossing,
        night_day=own.night_day,
    )


def _minute(moment: datetime | None) -> int:
    assert moment is not None
    return int(moment.timestamp()) // 60


def _parts(
    tariff: Tariff, first: int, last: int, covered: Sequence[range], absences: Gaps
) -> Iterator[tuple[range, Gaps]]:
    if tariff.covered_time is CoveredTime.FROM_ENTRY:
        yield range(first, last), [*absences, *covered]
        return
    part: list[int] = []
    for now in range(first, last + 1):
        if now < last and not any(now in one for one in covered):
            part.append(now)
        elif part:
            yield range(part[0], part[-1] + 1), absences
            part = []


def _part(tariff: Tariff, free: int, part: range, gaps: Gaps, percent: int) -> int:
    if len(part) <= free:
        return 0
    rest = free if tariff.free_rule is FreeRule.ONLY_REST else 0
    return Walker(tariff, part.start, part.start + rest, gaps, percent=percent).walk(part.stop)


def _sets(tariff: Tariff, coupons: Sequence[Coupon]) -> list[Sequence[Coupon]]:
    """Every way to use some of the coupons, or none."""
    one_or_none: list[Sequence[Coupon]] = [(), *[(one,) for one in coupons]]
    if tariff.coupons.stacking is Stacking.ONE:
        return one_or_none
    order = {
        MoneyOrder.AS_GIVEN: [],
        MoneyOrder.AMOUNT_FIRST: [CouponKind.AMOUNT, CouponKind.PERCENT],
        MoneyOrder.PERCENT_FIRST: [CouponKind.PERCENT, CouponKind.AMOUNT],
    }[tariff.coupons.money_order]
    together = [one for one in coupons if one.stackable]
    together.sort(key=lambda one: order.index(one.kind) if one.kind in order else -1)
    several = (used for count in range(2, len(together) + 1) for used in combinations(together, count))
    return [*one_or_none, *several]


def _finished(total: Total, rule: VehicleRule | None, used: Sequence[Coupon], fen: int) -> int:
    before = total.when is WhenRounded.BEFORE_DISCOUNTS
    fen = _bounded(total, fen) if before else fen
    if rule is not None and rule.percent_of is FactorOf.TOTAL:
        fen = _half_up(fen * rule.percent, 100)
    for coupon in used:
        if coupon.kind is CouponKind.AMOUNT:
            fen = max(0, fen - coupon.amount_fen)
        elif coupon.kind is CouponKind.PERCENT:
            fen -= _half_up(fen * coupon.percent, 100)
        elif coupon.kind is CouponKind.FREE_STAY:
            fen = 0
    return fen if before else _bounded(total, fen)


def _bounded(total: Total, fen: int) -> int:
    if fen == 0:
        return 0
    fen = max(fen, total.minimum_fen)
    fen = fen if total.maximum_fen is None else min(fen, total.maximum_fen)
    step = total.round_to_fen
    match total.round_way:
        case RoundWay.UP:
            return fen if fen % step == 0 else fen - fen % step + step
        case RoundWay.DOWN:
            return fen - fen % step
        case _:
            return _half_up(fen, step) * step


def _half_up(fen: int, of: int) -> int:
    whole, rest = divmod(fen, of)
    return whole + (2 * rest >= of)
