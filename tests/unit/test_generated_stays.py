"""Stays with all that can be given to them, under every tariff: the second pricer finds the same price."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st

from parking.clock import from_ms
from parking.coupon import Coupon, CouponKind, Covered, End
from parking.plate import VehicleClass, parse_plate
from parking.pricing import Stay, Visit, price, price_by_schedule
from parking.tariff import (
    Absence,
    CouponRule,
    CoveredTime,
    FactorOf,
    MoneyOrder,
    Rate,
    Stacking,
    Tariff,
    TariffSchedule,
    TariffVersion,
    Tier,
    VehicleRule,
    WhenReplaced,
    WhenRounded,
)
from tests.unit.stay_walker import Stayed, Visited, walked_stay
from tests.unit.test_generated_tariffs import MINUTE_MS, entries, tariffs, totals

CLASS_OF = {
    parse_plate("浙A12345", "blue"): VehicleClass.SMALL,
    parse_plate("浙A12345", "yellow"): VehicleClass.LARGE,
    parse_plate("浙AD12345", "green"): VehicleClass.NEW_ENERGY,
    parse_plate("浙A1234警", "white"): VehicleClass.POLICE,
}
COLOURS = sorted({plate.colour for plate in CLASS_OF})
CLASSES = sorted(CLASS_OF.values())
spans = st.integers(0, 90) | st.integers(0, 1500)


@st.composite
def given_coupons(draw: st.DrawFn, entry: int) -> tuple[Coupon, ...]:
    found = []
    for number in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(CouponKind))
        since = entry + draw(spans) if kind is CouponKind.WINDOW else None
        found.append(
            Coupon(
                coupon_id=f"c{number}",
                kind=kind,
                minutes=draw(st.sampled_from([30, 60, 500])) if kind is CouponKind.MINUTES else 0,
                off=draw(st.sampled_from(End)),
                since=None if since is None else at(since),
                until=None if since is None else at(since + 1 + draw(spans)),
                amount_fen=draw(st.integers(1, 3000)) if kind is CouponKind.AMOUNT else 0,
                percent=draw(st.integers(1, 100)) if kind is CouponKind.PERCENT else 0,
                stackable=draw(st.booleans()),
            )
        )
    return tuple(found)


@st.composite
def vehicle_rules(draw: st.DrawFn, name: str) -> VehicleRule:
    by_colour = draw(st.booleans())
    return VehicleRule(
        name=name,
        colours=tuple(draw(st.sets(st.sampled_from(COLOURS), min_size=1))) if by_colour else (),
        classes=() if by_colour else tuple(draw(st.sets(st.sampled_from(CLASSES), min_size=1))),
        percent=draw(st.sampled_from([0, 33, 50, 100, 200])),
        percent_of=draw(st.sampled_from(FactorOf)),
        extra_free_minutes=draw(st.sampled_from([0, 60])),
        prices=draw(st.none() | tariffs()),
    )


@st.composite
def rich_tariffs(draw: st.DrawFn) -> Tariff:
    return replace(
        draw(tariffs()),
        vehicles=tuple(draw(vehicle_rules(f"v{one}")) for one in range(draw(st.integers(0, 3)))),
        total=replace(draw(totals), when=draw(st.sampled_from(WhenRounded))),
        covered_time=draw(st.sampled_from(CoveredTime)),
        absence=draw(st.sampled_from(Absence)),
        reentry_minutes=draw(st.sampled_from([0, 15, 60])),
        coupons=CouponRule(
            stacking=draw(st.sampled_from(Stacking)), money_order=draw(st.sampled_from(MoneyOrder))
        ),
    )


@st.composite
def stays(draw: st.DrawFn) -> Stayed:
    first = entry = draw(entries)
    earlier = []
    for _ in range(draw(st.integers(0, 2))):
        leave = entry + draw(spans)
        earlier.append(Visited(entry=entry, leave=leave, charged_fen=draw(st.integers(0, 2000))))
        entry = leave + draw(st.integers(0, 70))
    covered = []
    for _ in range(draw(st.integers(0, 2))):
        begins = first + draw(spans)
        covered.append(range(begins, begins + 1 + draw(spans)))
    return Stayed(
        plate=draw(st.sampled_from(list(CLASS_OF))),
        earlier=tuple(earlier),
        entry=entry,
        leave=entry + draw(spans),
        covered=tuple(covered),
        coupons=draw(given_coupons(entry)),
    )


@st.composite
def stays_with_time_off(draw: st.DrawFn) -> Stayed:
    """Stays of some hours with coupons for time within them, which may make them dearer."""
    entry = draw(entries)
    leave = entry + draw(st.integers(30, 600))
    found = []
    for number in range(draw(st.integers(1, 3))):
        since = draw(st.integers(entry, leave - 1))
        found.append(
            Coupon(
                coupon_id=f"c{number}",
                kind=draw(st.sampled_from([CouponKind.MINUTES, CouponKind.WINDOW])),
                minutes=draw(st.sampled_from([10, 30, 60])),
                off=draw(st.sampled_from(End)),
                since=at(since),
                until=at(since + draw(st.integers(1, 90))),
                stackable=draw(st.booleans()),
            )
        )
    plate = draw(st.sampled_from(list(CLASS_OF)))
    return Stayed(plate=plate, earlier=(), entry=entry, leave=leave, covered=(), coupons=tuple(found))


@st.composite
def schedules(draw: st.DrawFn, entry: int) -> TariffSchedule:
    """A list that splits stays, replaced some time after ``entry``."""
    old = replace(draw(rich_tariffs()), when_replaced=WhenReplaced.SPLIT)
    return TariffSchedule(
        versions=(
            TariffVersion(in_force_from=at(0), tariff=old),
            TariffVersion(in_force_from=at(entry + draw(st.integers(1, 600))), tariff=draw(rich_tariffs())),
        )
    )


def at(minute: int) -> datetime:
    return from_ms(minute * MINUTE_MS)


def stay_of(drawn: Stayed) -> Stay:
    return Stay(
        entered_at=at(drawn.entry),
        left_at=at(drawn.leave),
        plate=drawn.plate,
        covered=tuple(Covered(since=at(one.start), until=at(one.stop), name="pass") for one in drawn.covered),
        coupons=drawn.coupons,
        earlier=tuple(
            Visit(entered_at=at(one.entry), left_at=at(one.leave), amount_fen=one.charged_fen)
            for one in drawn.earlier
        ),
    )


TIERED = Tariff(
    tariff_id="any",
    name="Any",
    first=Tier(minutes=60, block_minutes=60, block_price_fen=800),
    then=Rate(block_minutes=30, block_price_fen=400),
)
TEN = 29_540_280
"""The clock in Shanghai on a Monday."""
MINUTE_IN_THE_MIDDLE = Stayed(
    plate=next(iter(CLASS_OF)),
    earlier=(),
    entry=TEN,
    leave=TEN + 120,
    covered=(),
    coupons=(Coupon(coupon_id="c0", kind=CouponKind.WINDOW, since=at(TEN + 31), until=at(TEN + 32)),),
)
"""The minute alone would make two stays of it, each with a first hour of its own."""


@settings(max_examples=400, deadline=None)
@given(tariff=rich_tariffs(), drawn=stays() | stays_with_time_off())
@example(tariff=TIERED, drawn=MINUTE_IN_THE_MIDDLE)
def test_minute_by_minute_the_same_whatever_the_stay_is_given(tariff: Tariff, drawn: Stayed) -> None:
    found = price(stay_of(drawn), tariff)
    assert sum(line.amount_fen for line in found.lines) == found.amount_fen
    assert found.amount_fen == walked_stay(tariff, drawn, CLASS_OF[drawn.plate])


@settings(max_examples=300, deadline=None)
@given(tariff=rich_tariffs(), drawn=stays() | stays_with_time_off())
@example(tariff=TIERED, drawn=MINUTE_IN_THE_MIDDLE)
def test_a_coupon_never_raises_the_price(tariff: Tariff, drawn: Stayed) -> None:
    stay = stay_of(drawn)
    found = price(stay, tariff)
    for left_out in stay.coupons:
        others = tuple(coupon for coupon in stay.coupons if coupon != left_out)
        assert found.amount_fen <= price(replace(stay, coupons=others), tariff).amount_fen


@settings(max_examples=200, deadline=None)
@given(drawn=stays() | stays_with_time_off(), data=st.data())
def test_a_coupon_never_raises_the_price_of_a_stay_that_would_be_split(
    drawn: Stayed, data: st.DataObject
) -> None:
    schedule, stay = data.draw(schedules(drawn.entry)), stay_of(drawn)
    found = price_by_schedule(stay, schedule)
    assert sum(line.amount_fen for line in found.lines) == found.amount_fen
    for left_out in stay.coupons:
        others = tuple(coupon for coupon in stay.coupons if coupon != left_out)
        fewer = price_by_schedule(replace(stay, coupons=others), schedule)
        assert found.amount_fen <= fewer.amount_fen
    without = price_by_schedule(replace(stay, coupons=()), schedule)
    assert sum(line.worth_fen for line in found.lines) <= without.amount_fen - found.amount_fen


@settings(max_examples=300, deadline=None)
@given(tariff=rich_tariffs(), drawn=stays(), later=spans)
def test_a_later_exit_never_costs_less_whatever_passes_vehicle_and_visits(
    tariff: Tariff, drawn: Stayed, later: int
) -> None:
    stay = replace(stay_of(drawn), coupons=())
    longer = replace(stay, left_at=at(drawn.leave + later))
    assert price(stay, tariff).amount_fen <= price(longer, tariff).amount_fen


@settings(max_examples=200, deadline=None)
@given(drawn=stays(), later=spans, data=st.data())
def test_a_later_exit_never_costs_less_over_a_change_of_the_price_list(
    drawn: Stayed, later: int, data: st.DataObject
) -> None:
    schedule, stay = data.draw(schedules(drawn.entry)), replace(stay_of(drawn), coupons=())
    longer = replace(stay, left_at=at(drawn.leave + later))
    assert price_by_schedule(stay, schedule).amount_fen <= price_by_schedule(longer, schedule).amount_fen
