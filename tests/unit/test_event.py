"""What a gate reports: checked when made, and told apart from every other content."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from parking.errors import InvalidInput
from parking.event import Candidate, GateEvent, Kind
from parking.ids import EventId, GarageId, LaneId
from parking.plate import Colour, parse_plate

EVENT = GateEvent(
    event_id=EventId("e1"),
    garage_id=GarageId("G1"),
    lane_id=LaneId("in-1"),
    kind=Kind.ENTRY,
    captured_at=datetime(2026, 3, 2, 8, tzinfo=UTC),
    plate=parse_plate("浙A12345", Colour.BLUE),
    confidence=0.97,
)


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(EVENT, captured_at=datetime(2026, 3, 2, 8))  # noqa: DTZ001 - what is refused
    assert caught.value.fields == ("captured_at",)


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(EVENT, confidence=confidence)
    assert caught.value.fields == ("confidence",)


def test_the_digest_tells_contents_apart() -> None:
    variants = [
        EVENT,
        replace(EVENT, lane_id=LaneId("in-2")),
        replace(EVENT, kind=Kind.EXIT),
        replace(EVENT, captured_at=EVENT.captured_at + timedelta(milliseconds=1)),
        replace(EVENT, plate=parse_plate("浙A12346", Colour.BLUE)),
        replace(EVENT, plate=parse_plate("浙A12345", Colour.YELLOW)),
        replace(EVENT, confidence=0.98),
        replace(EVENT, candidates=(Candidate(number="浙A12346", confidence=0.4),)),
        replace(EVENT, token_digest=EVENT.digest()),
    ]
    assert len({one.digest() for one in variants}) == len(variants)


def test_a_picture_that_is_stored_elsewhere_makes_no_other_event() -> None:
    assert replace(EVENT, image_reference="a/1.jpg").digest() == EVENT.digest()


def test_what_came_through_live_is_the_same_event_when_it_is_kept_too() -> None:
    kept = replace(EVENT, offline=True, grant_token="let.out.by")  # noqa: S106 - a signed grant, none's
    assert kept.digest() == EVENT.digest()


def test_the_same_content_has_the_same_digest_however_it_was_written() -> None:
    china = timezone(timedelta(hours=8))
    respelt = replace(
        EVENT,
        captured_at=EVENT.captured_at.astimezone(china) + timedelta(microseconds=999),
        plate=parse_plate("浙a·12345", Colour.BLUE),
    )
    assert respelt.digest() == EVENT.digest()
    assert EVENT.digest() == "23b8c68fab1b45ef"  # remembered answers outlive a release: it may never change
