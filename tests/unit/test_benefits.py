"""What a stay is given, as text and as a price."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parking.benefits import NO_BENEFITS, Benefits, benefits_text, parse_benefits
from parking.coupon import COUPONS_MAX, Coupon, CouponKind, Covered, End
from parking.errors import InvalidInput
from parking.fee import stay_with
from parking.plate import parse_plate
from parking.pricing import price
from parking.proof import Rule, parse_proof, proof_json
from parking.tariff import Rate, Tariff

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLATE = parse_plate("浙A12345", "blue")
HOURLY = Tariff(tariff_id="h", name="H", then=Rate(block_minutes=60, block_price_fen=500))

moments = st.integers(0, 10**9).map(lambda ms: NOON + timedelta(milliseconds=ms))
spans = st.tuples(moments, moments).filter(lambda two: two[0] != two[1]).map(sorted)
names = st.text(min_size=1, max_size=20)
covered = st.builds(
    lambda span, name, funder: Covered(since=span[0], until=span[1], name=name, funder=funder),
    spans, names, st.text(max_size=5),
)  # fmt: skip
coupons = st.one_of(
    st.builds(Coupon, coupon_id=names, kind=st.just(CouponKind.FREE_STAY), funder=names),
    st.builds(
        Coupon, coupon_id=names, kind=st.just(CouponKind.MINUTES), minutes=st.integers(1, 600),
        off=st.sampled_from(End), stackable=st.booleans(),
    ),
    st.builds(Coupon, coupon_id=names, kind=st.just(CouponKind.AMOUNT), amount_fen=st.integers(1, 10**6)),
    st.builds(Coupon, coupon_id=names, kind=st.just(CouponKind.PERCENT), percent=st.integers(1, 100)),
    st.builds(
        lambda span, name: Coupon(coupon_id=name, kind=CouponKind.WINDOW, since=span[0], until=span[1]),
        spans, names,
    ),
)  # fmt: skip
benefits = st.builds(
    Benefits,
    covered=st.lists(covered, max_size=3).map(tuple),
    coupons=st.lists(coupons, max_size=4, unique_by=lambda one: one.coupon_id).map(tuple),
    exempt=st.text(max_size=20),
)


@given(benefits)
def test_text_is_read_back_as_it_was_written(one: Benefits) -> None:
    text = benefits_text(one)
    assert parse_benefits(text) == one
    assert benefits_text(parse_benefits(text)) == text
    assert bool(text) is bool(one)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "[]",
        "1",
        '{"e":1}',
        '{"e":"' + "x" * 101 + '"}',
        '{"c":[["a",1]]}',
        '{"c":[["a",5,5]]}',
        '{"k":[["a","minutes",{}]]}',
        '{"k":[["a","free_stay",{}],["a","free_stay",{}]]}',
        '{"k":[["a","gold",{}]]}',
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_benefits(text)


def test_more_coupons_than_a_lane_prices_in_time_cannot_be_given() -> None:
    one_more = [Coupon(coupon_id=str(number), kind=CouponKind.FREE_STAY) for number in range(COUPONS_MAX + 1)]
    with pytest.raises(InvalidInput):
        Benefits(coupons=tuple(one_more))


def test_an_exempt_stay_costs_nothing_and_its_proof_says_why() -> None:
    stay = stay_with(Benefits(exempt="fire brigade"), (), PLATE, NOON, NOON + timedelta(hours=5))
    found = price(stay, HOURLY)
    (line,) = found.lines
    assert (line.rule, line.name, line.amount_fen) == (Rule.EXEMPT, "fire brigade", 0)
    assert parse_proof(proof_json(found)) == found


def test_what_is_not_known_yet_is_nothing() -> None:
    until = NOON + timedelta(hours=2)
    assert price(stay_with(None, (), PLATE, NOON, until), HOURLY).amount_fen == 1000
    assert stay_with(None, (), PLATE, NOON, until) == stay_with(NO_BENEFITS, (), PLATE, NOON, until)
