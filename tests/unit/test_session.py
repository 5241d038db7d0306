"""A stay: which ways it may go, and up to when it is charged."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from parking.ids import EventId, GarageId, LaneId, SessionId, TariffVersionId
from parking.plate import Colour, parse_plate
from parking.session import TRANSITIONS, Session, State, Step

EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)
STAY = Session(
    session_id=SessionId(UUID(int=1)),
    garage_id=GarageId("G1"),
    plate=parse_plate("浙A12345", Colour.BLUE),
    entered_at=EIGHT,
    entry_lane_id=LaneId("in-1"),
    entry_event_id=EventId("e1"),
    tariff_version_id=TariffVersionId("t@1"),
)
PAID = replace(
    STAY,
    prepaid_fen=800,
    prepaid_at=EIGHT + timedelta(minutes=50),
    prepaid_until=EIGHT + timedelta(minutes=65),
)


@pytest.mark.parametrize(
    ("session", "left", "charged"),
    [
        (STAY, 60, 60),
        (PAID, 64, 50),
        (PAID, 65, 50),
        (PAID, 66, 66),
        (PAID, 40, 40),  # by a late report it had left before it paid
        (replace(PAID, prepaid_until=None), 60, 60),
    ],
)
def test_who_paid_and_left_in_time_is_charged_up_to_the_payment(
    session: Session, left: int, charged: int
) -> None:
    assert session.charged_until(EIGHT + timedelta(minutes=left)) == EIGHT + timedelta(minutes=charged)


def test_a_voided_session_stays_voided_and_every_state_can_be_reached() -> None:
    assert not [step for state, step in TRANSITIONS if state is State.VOIDED]
    assert {State.NONE, *TRANSITIONS.values()} == set(State)
    assert {step for _, step in TRANSITIONS} == set(Step)


def test_a_session_is_a_value() -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(STAY, "version", 1)  # noqa: B010 - the assignment that a type checker refuses
