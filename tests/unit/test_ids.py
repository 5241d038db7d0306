"""Ids that are derived from facts: the same for ever, and different for different facts."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from parking.ids import EventId, GarageId, bill_id_of, partition_of, session_id_of

G1, G2 = GarageId("G1"), GarageId("G2")


def test_ids_never_change() -> None:
    """What is stored under them must be found by every later release."""
    session = session_id_of(G1, EventId("e1"))
    assert str(session) == "5c23a7d1-cb7e-5466-8a66-396b36ef9753"
    assert str(bill_id_of(session, 1)) == "ca1a3fbc-df70-5273-897b-e3124ab5b119"
    assert [partition_of(one, 64) for one in (G1, G2, GarageId("停车场"))] == [7, 61, 26]


def test_another_garage_event_or_version_has_another_id() -> None:
    sessions = {session_id_of(garage, EventId(event)) for garage in (G1, G2) for event in ("e1", "e2")}
    bills = {bill_id_of(session, version) for session in sessions for version in (1, 2)}
    assert len(sessions | bills) == 12


@given(name=st.text(st.characters(exclude_categories=["Cs"]), max_size=64), count=st.integers(1, 4096))
def test_every_garage_has_a_partition(name: str, count: int) -> None:
    assert 0 <= partition_of(GarageId(name), count) < count


def test_garages_spread_over_the_partitions() -> None:
    held = Counter(partition_of(GarageId(f"G{number}"), 64) for number in range(6400))
    assert len(held) == 64
    assert max(held.values()) < 2 * 6400 / 64
