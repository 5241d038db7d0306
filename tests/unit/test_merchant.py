"""Merchants: what a template makes of a coupon, what that may cost, and who owes what it took off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parking.benefits import Benefits, benefits_text, parse_benefits
from parking.coupon import Coupon, CouponKind
from parking.errors import Conflict, InvalidInput
from parking.ids import GarageId
from parking.plate import parse_plate
from parking.pricing import Stay, Visit, price
from parking.proof import Price, proof_json
from parking.tariff import Rate, RoundWay, Tariff, Total
from settlement.funding import uses_of
from settlement.merchant import (
    Budget,
    CouponId,
    Funding,
    Merchant,
    MerchantId,
    MerchantKey,
    Template,
    TemplateId,
    Window,
    coupon_of,
    month_of,
    reserve_fen,
)

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""In China."""
KEY = MerchantKey(garage_id=GarageId("g1"), merchant_id=MerchantId("shop"))
SHOP = Merchant(key=KEY, name="Shop", budget=Budget(fen=1_000))
BY_FACE = replace(SHOP, funding=Funding.FACE)
HOUR = Template(
    template_id=TemplateId("hour"), name="h", kind=CouponKind.MINUTES, minutes=60, funded_max_fen=700
)
FIVE = replace(HOUR, kind=CouponKind.AMOUNT, minutes=0, amount_fen=500, funded_max_fen=None)
LUNCH = replace(HOUR, kind=CouponKind.WINDOW, minutes=0, window=Window(opens=time(11), closes=time(14)))
NIGHT = replace(LUNCH, window=Window(opens=time(22), closes=time(6)))
PLATE = parse_plate("浙A12345", "blue")
HOURLY = Tariff(tariff_id="h", name="H", then=Rate(block_minutes=60, block_price_fen=500))


def priced(length: timedelta, *coupons: Coupon) -> Price:
    return price(Stay(entered_at=NOON, left_at=NOON + length, plate=PLATE, coupons=coupons), HOURLY)


def coupon(template: Template, merchant: Merchant = SHOP) -> Coupon:
    return coupon_of(merchant, template, CouponId("c1"), NOON)


@pytest.mark.parametrize(
    ("merchant", "template", "reserved_fen", "owed_fen"),
    [
        (SHOP, HOUR, 700, 700),
        (SHOP, replace(HOUR, funded_max_fen=2_000), 2_000, 900),
        (SHOP, replace(HOUR, funded_max_fen=0), 0, 0),
        (SHOP, FIVE, 500, 900),
        (SHOP, replace(FIVE, funded_max_fen=300), 300, 300),
        (BY_FACE, replace(HOUR, face_fen=250), 250, 250),
        (BY_FACE, replace(FIVE, face_fen=800), 800, 800),
    ],
)
def test_a_coupon_reserves_the_most_that_it_can_cost(
    merchant: Merchant, template: Template, reserved_fen: int, owed_fen: int
) -> None:
    made = coupon(template, merchant)
    assert (reserve_fen(made), made.owed_fen(900), made.owed_fen(0)) == (reserved_fen, owed_fen, 0)
    assert (made.coupon_id, made.funder) == ("shop/c1", "shop")


@pytest.mark.parametrize(
    ("merchant", "template"),
    [
        (SHOP, replace(HOUR, funded_max_fen=None)),
        (SHOP, replace(HOUR, ended=True)),
        (BY_FACE, HOUR),
    ],
)
def test_a_template_that_could_cost_any_amount_is_not_given(merchant: Merchant, template: Template) -> None:
    with pytest.raises(Conflict):
        coupon(template, merchant)


@pytest.mark.parametrize(
    "wrong",
    [
        {"minutes": 0},
        {"kind": CouponKind.PERCENT, "percent": 101},
        {"kind": CouponKind.WINDOW},
        {"valid_for": timedelta(0)},
        {"valid_for": timedelta(days=401)},
        {"per_stay_max": 0},
        {"face_fen": -1},
    ],
)
def test_a_template_that_takes_nothing_off_cannot_be_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        replace(HOUR, **wrong)


@pytest.mark.parametrize(
    ("template", "since_hour", "hours"), [(LUNCH, 3, 3), (NIGHT, 14, 8)], ids=["lunch", "night"]
)
def test_a_window_is_of_local_times_on_the_day_of_giving(
    template: Template, since_hour: int, hours: int
) -> None:
    made = coupon(template)
    since = datetime(2026, 3, 2, since_hour, tzinfo=UTC)
    assert (made.since, made.until) == (since, since + timedelta(hours=hours))


def test_a_month_is_of_the_merchants_zone() -> None:
    eve = datetime(2026, 3, 31, 16, 30, tzinfo=UTC)
    assert (month_of(eve, "Asia/Shanghai"), month_of(eve, "UTC")) == (date(2026, 4, 1), date(2026, 3, 1))


@given(
    st.sampled_from([HOUR, FIVE, LUNCH, NIGHT, replace(HOUR, per_stay_max=3)]),
    st.sampled_from([SHOP, BY_FACE]),
    st.integers(0, 30 * 60),
)
def test_what_a_coupon_costs_is_never_above_what_it_reserved(
    template: Template, merchant: Merchant, minutes: int
) -> None:
    made = coupon(replace(template, face_fen=300), merchant)
    assert parse_benefits(benefits_text(Benefits(coupons=(made,)))).coupons == (made,)
    benefits = Benefits(coupons=(made,))
    stay = timedelta(minutes=minutes)
    found, plain = priced(stay, made), priced(stay)
    uses = uses_of(benefits, proof_json(found))
    assert sum(use.worth_fen for use in uses) == plain.amount_fen - found.amount_fen
    assert all(0 <= use.owed_fen <= reserve_fen(made) for use in uses)


@pytest.mark.parametrize(
    ("total", "earlier_fen", "fee_fen", "worth_fen"),
    [
        (Total(), 0, 500, 500),
        (Total(minimum_fen=800), 0, 800, 200),
        (Total(round_to_fen=1_000, round_way=RoundWay.UP), 0, 1_000, 0),
        (Total(), 700, 0, 300),
    ],
)
def test_a_coupon_is_worth_no_more_than_what_the_driver_pays_less(
    total: Total, earlier_fen: int, fee_fen: int, worth_fen: int
) -> None:
    visit = Visit(entered_at=NOON - timedelta(minutes=30), left_at=NOON, amount_fen=earlier_fen)
    tariff = replace(HOURLY, total=total, reentry_minutes=5)
    stay = Stay(
        entered_at=NOON,
        left_at=NOON + timedelta(minutes=80 if earlier_fen else 100),
        plate=PLATE,
        coupons=(coupon(FIVE),),
        earlier=(visit,) if earlier_fen else (),
    )
    found = price(stay, tariff)
    (use,) = uses_of(Benefits(coupons=stay.coupons), proof_json(found)) or (None,)
    assert (found.amount_fen, use.worth_fen if use else 0) == (fee_fen, worth_fen)


def test_a_coupon_counts_for_a_stay_that_ends_before_it_expires() -> None:
    made = replace(coupon(FIVE), valid_until=NOON + timedelta(hours=2))
    fees = [priced(timedelta(seconds=length_s), made).amount_fen for length_s in (7_199, 7_200, 7_201)]
    assert fees == [500, 1_000, 1_500]


def test_what_the_garage_itself_gives_is_funded_by_nobody() -> None:
    own = Coupon(coupon_id="c1", kind=CouponKind.FREE_STAY)
    found = priced(timedelta(hours=2), own)
    assert (found.amount_fen, uses_of(Benefits(coupons=(own,)), proof_json(found))) == (0, ())
