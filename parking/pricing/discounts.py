"""What comes off a price, and what it is rounded to: each step one line of the proof.

A step never takes more than there is, and every step is a function that grows with the price it is given:
so a later exit never costs less after it either.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final, assert_never

from parking.coupon import CouponKind
from parking.proof import Rule
from parking.tariff import FactorOf, MoneyOrder, RoundWay, Stacking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parking.coupon import Coupon
    from parking.pricing.walk import Line
    from parking.tariff import CouponRule, Total, VehicleRule

__all__ = ["add_bounds", "add_coupon", "add_vehicle", "stacks"]

LAST: Final = 9
"""What takes off everything comes after what takes off a part."""
ORDERS: Final[dict[MoneyOrder, dict[CouponKind, int]]] = {
    MoneyOrder.AS_GIVEN: {CouponKind.FREE_STAY: LAST},
    MoneyOrder.AMOUNT_FIRST: {CouponKind.PERCENT: 1, CouponKind.FREE_STAY: LAST},
    MoneyOrder.PERCENT_FIRST: {CouponKind.AMOUNT: 1, CouponKind.FREE_STAY: LAST},
}
COUPON_RULES: Final[dict[CouponKind, Rule]] = {
    CouponKind.AMOUNT: Rule.COUPON_AMOUNT,
    CouponKind.PERCENT: Rule.COUPON_PERCENT,
    CouponKind.FREE_STAY: Rule.COUPON_FREE_STAY,
}


def stacks(coupons: tuple[Coupon, ...], rule: CouponRule) -> Iterator[tuple[Coupon, ...]]:
    """Every set of coupons that may be used together, in the order in which they apply; time comes first.

    Of sets that cost the same the first is used: the most coupons before fewer, and none last. A coupon for
    time can make a stay dearer, so that each may be left out; one for money never does, and stays. That makes
    two to the power of the coupons for time at the most, one for each that stands alone, and none.
    """
    stackable = [coupon for coupon in coupons if coupon.stackable and rule.stacking is Stacking.ALL]
    time = [coupon for coupon in stackable if coupon.takes_time]
    order = ORDERS[rule.money_order]
    money = sorted(
        (coupon for coupon in stackable if not coupon.takes_time), key=lambda one: order.get(one.kind, 0)
    )
    for count in range(len(time), -1, -1):
        yield from ((*kept, *money) for kept in combinations(time, count) if kept or money)
    yield from ((coupon,) for coupon in coupons if coupon not in stackable)
    yield ()


def add_vehicle(lines: list[Line], span: tuple[int, int], rule: VehicleRule, fen: int) -> int:
    """Apply a vehicle's percentage, half-up to a minor unit; answers with the new price."""
    if rule.percent_of is FactorOf.PRICES or rule.percent == 100:  # noqa: PLR2004 - the whole
        return fen
    return _step(lines, span, (Rule.VEHICLE, rule.name, ""), fen, (fen * rule.percent + 50) // 100)


def add_coupon(lines: list[Line], span: tuple[int, int], coupon: Coupon, fen: int) -> int:
    """Apply a coupon for money; answers with the new price."""
    match coupon.kind:
        case CouponKind.AMOUNT:
            after_fen = max(0, fen - coupon.amount_fen)
        case CouponKind.PERCENT:
            after_fen = fen - (fen * coupon.percent + 50) // 100
        case _:
            after_fen = 0
    return _step(lines, span, (COUPON_RULES[coupon.kind], coupon.coupon_id, coupon.funder), fen, after_fen)


def add_bounds(lines: list[Line], span: tuple[int, int], total: Total, fen: int) -> int:
    """Apply minimum, maximum and rounding to what costs anything; answers with the new price."""
    if not fen:
        return 0
    fen = _step(lines, span, (Rule.MINIMUM, "", ""), fen, max(fen, total.minimum_fen))
    if total.maximum_fen is not None:
        fen = _step(lines, span, (Rule.MAXIMUM, "", ""), fen, min(fen, total.maximum_fen))
    if total.round_to_fen > 1:
        fen = _step(lines, span, (Rule.ROUNDING, "", ""), fen, _rounded(fen, total))
    return fen


def _rounded(fen: int, total: Total) -> int:
    step_fen = total.round_to_fen
    match total.round_way:
        case RoundWay.UP:
            return -(-fen // step_fen) * step_fen
        case RoundWay.DOWN:
            return fen // step_fen * step_fen
        case RoundWay.HALF_UP:
            return (2 * fen + step_fen) // (2 * step_fen) * step_fen
        case _ as never:
            assert_never(never)


def _step(
    lines: list[Line], span: tuple[int, int], of: tuple[Rule, str, str], before_fen: int, after_fen: int
) -> int:
    if after_fen != before_fen:
        lines.append((*span, 1, after_fen - before_fen, *of))
    return after_fen
