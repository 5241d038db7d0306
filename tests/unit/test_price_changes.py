"""A stay over a change of the price list, and what a stay may not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from parking.coupon import Coupon, CouponKind, Covered
from parking.errors import InvalidInput
from parking.plate import parse_plate
from parking.pricing import Stay, price, price_by_schedule
from parking.tariff import Rate, Tariff, TariffSchedule, TariffVersion, WhenReplaced

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OLD = Tariff(tariff_id="a", name="A", then=Rate(block_minutes=60, block_price_fen=100))
NEW = replace(OLD, then=Rate(block_minutes=60, block_price_fen=500))
PLATE = parse_plate("浙A12345", "blue")
FREE = Coupon(coupon_id="c1", kind=CouponKind.FREE_STAY, funder="shop")


def schedule(when: WhenReplaced) -> TariffSchedule:
    """The old list, and at noon the new one."""
    return TariffSchedule(
        versions=(
            TariffVersion(in_force_from=NOON - timedelta(days=90), tariff=replace(OLD, when_replaced=when)),
            TariffVersion(in_force_from=NOON, tariff=NEW),
        )
    )


def stay(before: float, after: float) -> Stay:
    """So many hours before noon to so many after it."""
    return Stay(entered_at=NOON - timedelta(hours=before), left_at=NOON + timedelta(hours=after), plate=PLATE)


@pytest.mark.parametrize(
    ("when", "before", "after", "amount_fen"),
    [
        (WhenReplaced.KEPT, 2, 2, 400),
        (WhenReplaced.SPLIT, 2, 2, 1200),
        (WhenReplaced.SPLIT, 1.5, 1.5, 1200),
        (WhenReplaced.SPLIT, 2, 0, 200),
        (WhenReplaced.SPLIT, 0, 2, 1000),
        (WhenReplaced.SPLIT, -1, 2, 500),
    ],
)
def test_the_version_at_entry_says_who_prices_the_rest(
    when: WhenReplaced, before: float, after: float, amount_fen: int
) -> None:
    assert price_by_schedule(stay(before, after), schedule(when)).amount_fen == amount_fen


@pytest.mark.parametrize("when", list(WhenReplaced))
def test_what_belongs_to_the_whole_stay_keeps_it_whole(when: WhenReplaced) -> None:
    half = Coupon(coupon_id="c1", kind=CouponKind.PERCENT, percent=50)
    assert price_by_schedule(replace(stay(2, 2), coupons=(half,)), schedule(when)).amount_fen == 200
    assert price_by_schedule(replace(stay(2, 2), exempt="ambulance"), schedule(when)).amount_fen == 0


def test_one_coupon_counts_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(stay(2, 2), coupons=(FREE, FREE))
    assert refused.value.fields == ("coupons",)


@pytest.mark.parametrize("kind", [kind for kind in CouponKind if kind is not CouponKind.FREE_STAY])
def test_a_coupon_for_nothing_cannot_be_built(kind: CouponKind) -> None:
    with pytest.raises(InvalidInput):
        Coupon(coupon_id="c1", kind=kind)


def test_covered_time_ends_after_it_begins() -> None:
    with pytest.raises(InvalidInput):
        Covered(since=NOON, until=NOON, name="p")


def test_what_coupons_are_worth_adds_up_to_what_the_driver_saves() -> None:
    coupons = (
        Coupon(coupon_id="c1", kind=CouponKind.MINUTES, minutes=60, funder="cinema"),
        Coupon(coupon_id="c2", kind=CouponKind.AMOUNT, amount_fen=150, funder="shop"),
        Coupon(coupon_id="c3", kind=CouponKind.PERCENT, percent=10, funder="shop"),
    )
    full, reduced = price(stay(2, 2), OLD), price(replace(stay(2, 2), coupons=coupons), OLD)
    worth = {line.name: (line.funder, line.worth_fen) for line in reduced.lines if line.worth_fen}
    assert worth == {"c1": ("cinema", 100), "c2": ("shop", 150), "c3": ("shop", 15)}
    assert full.amount_fen - reduced.amount_fen == 265
