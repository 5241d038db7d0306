"""How far two numbers are apart, and which car inside an exit on an unsure read is taken for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parking.event import Candidate, GateEvent, Kind
from parking.ids import EventId, GarageId, LaneId, SessionId, TariffVersionId
from parking.misread import (
    Inside,
    Match,
    MatchRules,
    NoMatch,
    Passage,
    Why,
    distance,
    match_of,
    nearest,
    opposite_of,
)
from parking.plate import Colour, Plate
from parking.session import Session

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES = MatchRules()
BAR = 700
SIGNS = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789浙湘苏粤", min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("read", "number", "far"),
    [
        ("浙A12345", "浙A12345", 0),
        ("浙A1234B", "浙A12348", 4),
        ("浙AD2345", "浙A02345", 4),
        ("浙AQ2345", "浙AD2345", 4),
        ("浙A72345", "浙A12345", 4),
        ("湘A12345", "浙A12345", 4),
        ("浙AZ234S", "浙A22345", 8),
        ("浙A12349", "浙A12345", 10),
        ("浙A12543", "浙A12345", 20),
        ("浙AD1234", "浙AD12345", 6),
        ("浙A01234", "浙AD12345", 6 + 4),
        ("浙AD012345", "浙AD12345", 6),
        ("浙AD123", "浙AD12345", None),
        ("", "浙A12345", None),
    ],
)
def test_what_cameras_confuse_is_near(read: str, number: str, far: int | None) -> None:
    assert distance(read, number) == far


@given(SIGNS, SIGNS)
def test_a_distance_is_the_same_both_ways_and_nothing_only_to_itself(a: str, b: str) -> None:
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)


@given(SIGNS, st.data())
def test_a_lost_place_is_as_far_wherever_it_was(number: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(number) - 1))
    assert distance(number[:at] + number[at + 1 :], number) == 6


def exit_of(
    number: str,
    *candidates: str,
    confidence: float = 0.5,
    colour: Colour = Colour.BLUE,
    at: datetime = NOON,
    event_id: str = "x",
) -> GateEvent:
    return GateEvent(
        event_id=EventId(event_id),
        garage_id=GarageId("g"),
        lane_id=LaneId("out-1"),
        kind=Kind.EXIT,
        captured_at=at,
        plate=Plate(number=number, colour=colour),
        confidence=confidence,
        candidates=tuple(Candidate(number=one, confidence=0.3) for one in candidates),
    )


def passage_of(event: GateEvent, *, passed: bool = True, session: int | None = None) -> Passage:
    return Passage(event=event, passed=passed, session_id=SessionId(UUID(int=session)) if session else None)


def inside(
    event: GateEvent,
    *numbers: str,
    stayed: timedelta = HOUR,
    colour: Colour = Colour.BLUE,
    entry_permille: int | None = 950,
) -> list[Inside]:
    return [
        Inside(
            near=near,
            session=session_of(near.number, event.captured_at - stayed, colour),
            entry_permille=entry_permille,
        )
        for near in nearest(event, numbers, RULES)
    ]


def session_of(number: str, entered_at: datetime, colour: Colour) -> Session:
    return Session(
        session_id=SessionId(UUID(int=abs(hash(number)))),
        garage_id=GarageId("g"),
        plate=Plate(number=number, colour=colour),
        entered_at=entered_at,
        entry_lane_id=LaneId("in-1"),
        entry_event_id=EventId("e"),
        tariff_version_id=TariffVersionId("t"),
    )


def decided(passage: Passage, cars: list[Inside], *later: Passage) -> tuple[str, bool] | Why:
    """The number and whether it is exact, or why there is none."""
    found = match_of(passage, cars, later, bar_permille=BAR, rules=RULES)
    if isinstance(found, NoMatch):
        return found.why
    assert isinstance(found, Match)
    return found.car.session.plate.number, found.exact


@pytest.mark.parametrize(
    ("read", "candidates", "cars", "expected"),
    [
        ("浙A1234B", (), ("浙A12348", "浙A99999"), ("浙A12348", False)),
        ("浙A12345", (), ("浙A12345", "浙A99999"), ("浙A12345", True)),
        ("浙A12345", ("浙A6789X",), ("浙A6789X",), ("浙A6789X", True)),
        ("无", ("浙A12345",), ("浙A12345", "浙A99999"), ("浙A12345", True)),
        ("无", (), ("浙A12345",), Why.NO_CAR),
        ("浙A12345", ("not/a plate",), ("浙A12345",), ("浙A12345", True)),
        ("浙AD1234", (), ("浙AD12345",), ("浙AD12345", False)),
        # Two cars are as near, or the other is hardly farther.
        ("浙A1234B", (), ("浙A12348", "湘A1234B"), Why.AMBIGUOUS),
        ("浙A12345", (), ("浙A12345", "浙A7234S"), ("浙A12345", True)),
        ("浙A12345", (), ("浙A12345", "浙A1234S"), Why.AMBIGUOUS),
        ("浙A1234B", ("浙A12348", "浙A12343"), ("浙A12348", "浙A12343"), Why.AMBIGUOUS),
        # One sign that looks different is another car, and may be shown.
        ("浙A12346", (), ("浙A12345",), Why.NO_CAR),
        ("苏E77777", (), ("浙A12345",), Why.NO_CAR),
    ],
)
def test_the_one_car_that_comes_near_is_taken(
    read: str, candidates: tuple[str, ...], cars: tuple[str, ...], expected: object
) -> None:
    event = exit_of(read, *candidates)
    assert decided(passage_of(event), inside(event, *cars)) == expected


@pytest.mark.parametrize(
    ("stayed", "expected"),
    [
        (timedelta(0), ("浙A12348", False)),
        (-timedelta(seconds=1), Why.NO_CAR),
        (timedelta(days=7), ("浙A12348", False)),
        (timedelta(days=7, seconds=1), Why.NO_CAR),
    ],
)
def test_the_entry_lies_before_the_exit_and_not_ages_ago(stayed: timedelta, expected: object) -> None:
    event = exit_of("浙A1234B")
    assert decided(passage_of(event), inside(event, "浙A12348", stayed=stayed)) == expected


@pytest.mark.parametrize(
    ("read", "entry", "matches"),
    [
        (Colour.BLUE, Colour.BLUE, True),
        (Colour.UNKNOWN, Colour.GREEN, True),
        (Colour.BLUE, Colour.UNKNOWN, True),
        (Colour.GREEN, Colour.YELLOW_GREEN, True),
        (Colour.BLUE, Colour.GREEN, False),
        (Colour.YELLOW, Colour.BLUE, False),
    ],
)
def test_the_grounds_fit(read: Colour, entry: Colour, *, matches: bool) -> None:
    event = exit_of("浙A1234B", colour=read)
    found = decided(passage_of(event), inside(event, "浙A12348", colour=entry))
    assert found == (("浙A12348", False) if matches else Why.NO_CAR)


def test_a_car_on_another_ground_still_makes_a_reading_ambiguous() -> None:
    event = exit_of("浙A1234B")
    cars = inside(event, "浙A12348") + inside(event, "浙A1234B", colour=Colour.YELLOW)
    assert decided(passage_of(event), cars) is Why.AMBIGUOUS


@pytest.mark.parametrize("entry_permille", [None, 0, BAR - 1])
def test_two_unsure_readings_make_a_match_only_when_they_agree(entry_permille: int | None) -> None:
    event = exit_of("浙A1234B")
    cars = inside(event, "浙A12348", entry_permille=entry_permille)
    assert decided(passage_of(event), cars) is Why.ENTRY_UNSURE
    same = exit_of("浙A12348")
    assert decided(passage_of(same), inside(same, "浙A12348", entry_permille=entry_permille)) == (
        "浙A12348",
        True,
    )


def test_what_was_read_surely_is_no_other_car() -> None:
    event = exit_of("浙A1234B", confidence=0.7)
    assert decided(passage_of(event), inside(event, "浙A12348")) is Why.READ_SURELY
    same = exit_of("浙A12348", confidence=0.99)
    assert decided(passage_of(same), inside(same, "浙A12348")) == ("浙A12348", True)


def test_a_car_that_was_held_has_not_left() -> None:
    event = exit_of("浙A12348")
    assert decided(passage_of(event, passed=False), inside(event, "浙A12348")) is Why.NOT_PASSED


@pytest.mark.parametrize(
    ("kind", "passed", "after", "stands"),
    [
        (Kind.EXIT, False, HOUR, False),
        (Kind.TURN_BACK, False, HOUR, False),
        (Kind.EXIT, True, HOUR, True),
        (Kind.EXIT, False, -HOUR, True),
    ],
)
def test_a_car_that_is_seen_at_the_exit_again_had_not_left(
    kind: Kind, after: timedelta, *, passed: bool, stands: bool
) -> None:
    event = exit_of("浙A1234B")
    again = replace(exit_of("浙A12348", at=NOON + after, confidence=0.99), kind=kind)
    found = decided(passage_of(event), inside(event, "浙A12348"), passage_of(again, passed=passed))
    assert found == (("浙A12348", False) if stands else Why.SEEN_AGAIN)


def test_a_person_is_shown_the_nearest_cars() -> None:
    event = exit_of("浙A1234B")
    numbers = ["浙A12348", "浙A1234E", "浙A12340", "苏E77777", *(f"浙A1{n}34B" for n in "3456789")]
    found = match_of(
        passage_of(event, passed=False), inside(event, *numbers), (), bar_permille=BAR, rules=RULES
    )
    assert isinstance(found, NoMatch)
    assert [car.near.distance for car in found.cars] == [4, 10, 10, 10, 10]


@pytest.mark.parametrize(
    ("other", "after_s", "passed", "session", "is_same"),
    [
        ("浙A12348", 5, True, 1, True),
        ("浙A12348", -20, True, 1, True),
        ("浙A12348", 21, True, 1, False),
        ("浙A12348", 5, False, 1, False),
        ("浙A12348", 5, True, None, False),
        ("浙A99999", 5, True, 1, False),
    ],
)
def test_the_opposite_camera_has_seen_the_same_passage(
    other: str, after_s: int, session: int | None, *, passed: bool, is_same: bool
) -> None:
    event = exit_of("浙A1234B")
    seen = passage_of(
        exit_of(other, at=NOON + timedelta(seconds=after_s), confidence=0.95, event_id="y"),
        passed=passed,
        session=session,
    )
    found = opposite_of(passage_of(event), [seen], bar_permille=BAR, rules=RULES)
    assert (found is seen) == is_same


def test_two_passages_that_could_be_meant_are_none() -> None:
    seen = [
        passage_of(exit_of(one, confidence=0.9), session=at)
        for at, one in enumerate(("浙A12348", "湘A1234B"), 1)
    ]
    assert opposite_of(passage_of(exit_of("浙A1234B")), seen, bar_permille=BAR, rules=RULES) is None


def test_two_sure_readings_are_one_passage_only_of_one_number() -> None:
    seen = passage_of(exit_of("浙A12348", confidence=0.99), session=1)
    for number, expected in (("浙A1234B", None), ("浙A12348", seen)):
        event = exit_of(number, confidence=0.9)
        assert opposite_of(passage_of(event), [seen], bar_permille=BAR, rules=RULES) is expected
