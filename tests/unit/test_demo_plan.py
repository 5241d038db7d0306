"""The day's plan: the same for a seed, within the garage's capacity, and with something of everything."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

import pytest

from gateways.demo.drivers import (
    SHARES,
    WITHOUT_ACCOUNT,
    WITHOUT_PLATE,
    Driver,
    Incident,
    deal,
    misread,
    misread_alike,
    plates,
)
from gateways.demo.outage import delivered_later
from gateways.demo.plan import CUT_OFF_LANE, LANES, OUTAGES, Plan, plan_day
from gateways.demo.steps import Deliver, LoseToken, Prepay, Report, Resolve, Settle, TakeToken
from gateways.demo.traffic import DAY, FREE_MINUTES, SPACES, visits_of_a_day
from parking.event import GateEvent, Kind
from parking.ids import LaneId
from parking.misread import MatchRules, distance
from parking.plate import VehicleClass

TURNED_BACK_AT_EXIT = frozenset({Incident.TURNED_BACK_AT_EXIT, Incident.TURNED_BACK_TOLD_LATE})
MISREADS = frozenset({Incident.MISREAD, Incident.MISREAD_ALIKE})


@pytest.fixture(scope="module")
def day() -> Plan:
    return plan_day(vehicles=10_000, garages=1, chance=Random(1))


def events_of(plan: Plan) -> list[GateEvent]:
    """Every event, as often as it is sent."""
    events = []
    for step in plan.steps:
        match step.act:
            case Report(event=event, times=times):
                events += [event] * times
            case Deliver(events=delivered):
                events += delivered
            case _:
                pass
    return events


def test_a_seed_is_a_day() -> None:
    one, same, other = (plan_day(vehicles=300, garages=1, chance=Random(seed)) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_ten_thousand_cars_make_twenty_thousand_events(day: Plan) -> None:
    assert len(day.cars) == 10_000
    assert 20_000 <= len(events_of(day)) <= 20_500


def test_never_more_cars_inside_than_spaces() -> None:
    visits = visits_of_a_day(10_000, 400, Random(3))
    moves = sorted([(visit.left_at, -1) for visit in visits] + [(visit.entered_at, 1) for visit in visits])
    inside = most = 0
    for _, change in moves:
        inside += change
        most = max(most, inside)
    assert most == 400
    assert any(visit.waited for visit in visits)


def test_the_complex_is_nearly_full_at_noon_and_empty_before_dawn(day: Plan) -> None:
    moments = [DAY + timedelta(hours=hour) for hour in (5, 12)]
    dawn, noon = (sum(car.visit.entered_at <= at < car.visit.left_at for car in day.cars) for at in moments)
    assert dawn == 0
    assert noon > 0.85 * SPACES


def test_steps_come_in_order_and_nothing_is_told_before_it_happens(day: Plan) -> None:
    moments = [step.at for step in day.steps]
    assert moments == sorted(moments)
    for step in day.steps:
        told = step.act.event if isinstance(step.act, Report | Resolve) else None
        assert told is None or told.captured_at <= step.at


def test_event_ids_are_unique_but_for_messages_sent_again(day: Plan) -> None:
    by_id: dict[str, set[GateEvent]] = {}
    for event in events_of(day):
        by_id.setdefault(event.event_id, set()).add(event)
    assert all(len(same) == 1 for same in by_id.values())
    again = sum(many - 1 for many in Counter(event.event_id for event in events_of(day)).values())
    incidents = Counter(car.incident for car in day.cars)
    assert again == 2 * incidents[Incident.SENT_TWICE] + incidents[Incident.SENT_AGAIN]


def test_what_a_controller_kept_is_delivered_after_the_outage_as_history(day: Plan) -> None:
    batches = [step for step in day.steps if isinstance(step.act, Deliver)]
    assert [step.at for step in batches] == [until for _, until in OUTAGES]
    for step, (start, until) in zip(batches, OUTAGES, strict=True):
        assert isinstance(step.act, Deliver)
        assert all(event.offline and start <= event.captured_at < until for event in step.act.events)
        assert len({event.lane_id for event in step.act.events}) == 1


def test_lanes_run_the_right_way(day: Plan) -> None:
    for event in events_of(day):
        direction = LANES[event.lane_id]
        assert event.kind is Kind.TURN_BACK or event.kind.value == direction.value


def test_settlement_has_caught_up_before_anybody_can_owe(day: Plan) -> None:
    settled = [step.at for step in day.steps if isinstance(step.act, Settle)]
    free = timedelta(minutes=FREE_MINUTES)
    for car in day.cars:
        if car.visit.left_at - car.visit.entered_at > free:
            assert any(car.visit.entered_at < at <= car.visit.left_at for at in settled)


@pytest.mark.parametrize("seed", range(1, 9))
def test_nobody_acts_on_what_settlement_may_not_have_heard(seed: int) -> None:
    plan = plan_day(vehicles=300, garages=1, chance=Random(seed))
    settled = [step.at for step in plan.steps if isinstance(step.act, Settle)]
    told = {step.act.event.event_id: step.at for step in plan.steps if isinstance(step.act, Report)}
    acted = [
        (step.act.event, step.at) for step in plan.steps if isinstance(step.act, Resolve | LoseToken | Prepay)
    ]
    for car in plan.cars:
        if car.incident in TURNED_BACK_AT_EXIT:
            *_, back, away = [
                step.act.event
                for step in plan.steps
                if step.car == car.place and isinstance(step.act, Report)
            ]
            acted.append((back, away.captured_at))
    assert len(acted) >= 5
    for event, at in acted:
        assert any(told[event.event_id] < one <= at for one in settled)


def test_every_misread_plate_is_resolved_with_the_true_one(day: Plan) -> None:
    true_plates = {car.place: car.plate for car in day.cars if car.incident in MISREADS}
    resolved = {step.car: step.act for step in day.steps if isinstance(step.act, Resolve)}
    assert {place: act.plate for place, act in resolved.items()} == true_plates
    assert all(act.event.plate != act.plate and act.event.confidence < 0.7 for act in resolved.values())


@pytest.mark.parametrize("cars", [20, 200, 10_000])
def test_something_of_everything_happens_on_every_day(cars: int) -> None:
    dealt = deal(cars, Random(1))
    assert len(dealt) == cars
    drivers = Counter(driver for driver, _ in dealt)
    incidents = Counter(incident for _, incident in dealt)
    for kind, share in SHARES.items():
        many = drivers[kind] if isinstance(kind, Driver) else incidents[kind]
        assert many == max(1, round(cars * share))


def test_most_drivers_are_registered_and_the_others_have_no_account(day: Plan) -> None:
    drivers = Counter(car.driver for car in day.cars)
    assert len(day.registrations) == 10_000 - sum(drivers[one] for one in WITHOUT_ACCOUNT)
    assert 0.75 < drivers[Driver.REGISTERED] / 10_000 < 0.9


def test_plates_are_different_and_real_looking() -> None:
    found = plates(2_000, Random(1))
    assert len({plate.number for plate in found}) == 2_000
    assert {plate.vehicle_class for plate in found} == {VehicleClass.SMALL, VehicleClass.NEW_ENERGY}


def test_a_misread_plate_is_another_one_in_one_sign() -> None:
    for plate in plates(100, Random(2)):
        wrong = misread(plate, Random(1))
        assert sum(a != b for a, b in zip(plate.number, wrong.number, strict=True)) == 1


def test_what_looks_alike_is_near_enough_to_be_matched_and_anything_else_is_not() -> None:
    rules = MatchRules()
    for plate in plates(300, Random(3)):
        alike, other = misread_alike(plate, Random(1)), misread(plate, Random(1))
        assert distance(plate.number, alike.number) in range(1, rules.distance_max + 1)
        assert distance(plate.number, other.number) not in range(rules.distance_max + 1)


def test_a_debtor_was_here_a_day_and_more_before_and_comes_when_that_charge_was_tried(day: Plan) -> None:
    debtors = [car for car in day.cars if car.driver is Driver.DEBTOR]
    assert len(debtors) == 20
    for car in debtors:
        reports = [step.act for step in day.steps if step.car == car.place and isinstance(step.act, Report)]
        came, left, came_again, *_ = reports
        kinds = [one.event.kind for one in (came, left, came_again)]
        assert kinds == [Kind.ENTRY, Kind.EXIT, Kind.ENTRY]
        assert came_again.event.captured_at - left.event.captured_at > timedelta(hours=24)
        assert came_again.once_charged


def test_who_has_no_plate_holds_a_token_before_he_comes_and_a_lost_one_is_replaced_inside(day: Plan) -> None:
    unnamed = {car.place: car for car in day.cars if car.driver in WITHOUT_PLATE}
    assert Counter(car.driver for car in unnamed.values()) == {Driver.TOKEN: 30, Driver.TOKEN_LOST: 10}
    taken = {step.car: step for step in day.steps if isinstance(step.act, TakeToken)}
    lost = {step.car: step for step in day.steps if isinstance(step.act, LoseToken)}
    assert taken.keys() == unnamed.keys()
    assert lost.keys() == {place for place, car in unnamed.items() if car.driver is Driver.TOKEN_LOST}
    for place, car in unnamed.items():
        take = taken[place]
        assert isinstance(take.act, TakeToken)
        assert (take.act.account_id is None) == (place in lost)
        assert take.at < car.visit.entered_at
        assert place not in lost or car.visit.entered_at < lost[place].at < car.visit.left_at


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_small_day_has_every_kind_of_driver(seed: int) -> None:
    assert {car.driver for car in plan_day(vehicles=60, garages=1, chance=Random(seed)).cars} == set(Driver)


def test_garages_share_the_cars() -> None:
    plan = plan_day(vehicles=101, garages=3, chance=Random(1))
    assert sorted(Counter(car.garage_id for car in plan.cars).values()) == [33, 34, 34]


def test_what_a_gate_cannot_call_kept_comes_when_it_is_history(day: Plan) -> None:
    later = delivered_later(day, [CUT_OFF_LANE])
    young = [
        event
        for step in later.steps
        if isinstance(step.act, Deliver)
        for event in step.act.events
        if step.at - event.captured_at <= timedelta(minutes=2)
    ]
    assert young == []
    assert Counter(map(repr, events_of(later))) == Counter(map(repr, events_of(day)))
    assert delivered_later(day, [LaneId("in-1")]) == day
