"""A stay over a change of the price list, and what a stay may not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from parking.coupon import COUPONS_MAX, Coupon, CouponKind, Covered
from parking.errors import InvalidInput
from parking.plate import parse_plate
from parking.pricing import Stay, Visit, price, price_by_schedule
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


PENNY = Coupon(coupon_id="c1", kind=CouponKind.AMOUNT, amount_fen=1)
NIGHT = Coupon(
    coupon_id="c1", kind=CouponKind.WINDOW, since=NOON + timedelta(hours=9), until=NOON + timedelta(hours=10)
)
BEFORE = Visit(
    entered_at=NOON - timedelta(hours=3), left_at=NOON - timedelta(hours=2, minutes=5), amount_fen=100
)


@pytest.mark.parametrize(
    ("given", "amount_fen"),
    [
        ({}, 1200),
        ({"coupons": (replace(PENNY, valid_until=NOON),)}, 1200),
        ({"coupons": (NIGHT,)}, 1200),
        ({"coupons": (PENNY,)}, 399),
        ({"coupons": (PENNY, replace(FREE, coupon_id="c2", valid_until=NOON))}, 399),
        ({"earlier": (BEFORE,)}, 1200),
        ({"earlier": (BEFORE,), "coupons": (PENNY,)}, 399),
    ],
)
def test_what_takes_nothing_off_and_joins_nothing_leaves_the_stay_split(
    given: dict[str, Any], amount_fen: int
) -> None:
    found = price_by_schedule(replace(stay(2, 2), **given), schedule(WhenReplaced.SPLIT))
    assert found.amount_fen == amount_fen
    assert found.amount_fen == sum(line.amount_fen for line in found.lines)


@pytest.mark.parametrize(("minutes", "amount_fen"), [(0, 1200), (4, 1200), (5, 400)])
def test_visits_that_are_joined_keep_the_stay_whole(minutes: int, amount_fen: int) -> None:
    old, new = schedule(WhenReplaced.SPLIT).versions
    joining = replace(old, tariff=replace(old.tariff, reentry_minutes=minutes))
    wide = replace(new, tariff=replace(NEW, reentry_minutes=600))
    found = price_by_schedule(
        replace(stay(2, 2), earlier=(BEFORE,)), TariffSchedule(versions=(joining, wide))
    )
    assert found.amount_fen == amount_fen


@pytest.mark.parametrize(("worth_fen", "amount_fen"), [(1, 1200), (801, 1199)])
def test_a_stay_with_a_coupon_costs_no_more_than_the_split_one(worth_fen: int, amount_fen: int) -> None:
    """Two hours of 500 each by the old list, and two of 100 by the new one: 2000 where the stay is whole."""
    dear, cheap = schedule(WhenReplaced.SPLIT).versions
    turned = TariffSchedule(
        versions=(
            replace(dear, tariff=replace(NEW, when_replaced=WhenReplaced.SPLIT)),
            replace(cheap, tariff=OLD),
        )
    )
    found = price_by_schedule(
        replace(stay(2, 2), coupons=(replace(PENNY, amount_fen=worth_fen, funder="shop"),)), turned
    )
    assert found.amount_fen == amount_fen
    assert sum(line.worth_fen for line in found.lines) == 1200 - amount_fen


def test_one_coupon_counts_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(stay(2, 2), coupons=(FREE, FREE))
    assert refused.value.fields == ("coupons",)


def test_a_stay_has_no_more_coupons_than_a_lane_prices_in_time() -> None:
    many = tuple(replace(FREE, coupon_id=f"c{number}") for number in range(COUPONS_MAX + 1))
    assert price(replace(stay(2, 2), coupons=many[1:]), OLD).amount_fen == 0
    with pytest.raises(InvalidInput, match=f"^at most {COUPONS_MAX} of a stay$"):
        replace(stay(2, 2), coupons=many)


@pytest.mark.parametrize(
    ("kind", "wrong", "bound"),
    [
        (CouponKind.MINUTES, {"minutes": 0}, "at least 1 minute"),
        (CouponKind.WINDOW, {"since": NOON}, "from one moment until another"),
        (CouponKind.AMOUNT, {"amount_fen": -1}, "an amount above 0"),
        (CouponKind.PERCENT, {"percent": 0}, "1 to 100 percent"),
        (CouponKind.PERCENT, {"percent": 120}, "1 to 100 percent"),
    ],
)
def test_a_coupon_for_nothing_or_more_than_all_is_refused_with_its_bound(
    kind: CouponKind, wrong: dict[str, Any], bound: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^a coupon for {kind} takes off {bound}$") as refused:
        Coupon(coupon_id="c1", kind=kind, **wrong)
    assert refused.value.fields == tuple(wrong)


def test_a_coupon_for_an_hour_that_does_not_happen_takes_nothing_off() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    since, until = datetime(2026, 3, 29, 2, 30, tzinfo=berlin), datetime(2026, 3, 29, 3, 10, tzinfo=berlin)
    skipped = Coupon(coupon_id="c1", kind=CouponKind.WINDOW, since=since, until=until)
    night = replace(stay(2, 2), entered_at=since - timedelta(hours=3), left_at=until + timedelta(hours=3))
    assert price(replace(night, coupons=(skipped,)), OLD) == price(night, OLD)


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
