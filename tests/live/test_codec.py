"""What is written in the live store is read back as it was, whatever a camera may send."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parking.clock import from_ms, to_ms
from parking.decision import Decision, Reason, Verdict
from parking.event import Candidate, GateEvent, Kind
from parking.grant import Grant, GrantReason
from parking.grant_token import Seal
from parking.ids import AccountId, EventId, GarageId, LaneId, Partition, SessionId, TariffVersionId
from parking.language import Language
from parking.live.codec import (
    answer_from,
    decision_text,
    event_from,
    event_text,
    facts_text,
    record_from,
    session_facts,
    session_from,
)
from parking.live.grant_codec import grant_from, grant_text, seal_bytes, seal_from
from parking.plate import Colour, Plate
from tests.scenarios.stage import GARAGE, MIDNIGHT, an_event

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
MOMENTS = st.integers(to_ms(MIDNIGHT) - 10**12, to_ms(MIDNIGHT) + 10**12).map(from_ms)
FEN = st.integers(0, 10**9)
CONFIDENCES = st.floats(0, 1)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=32)
DECISIONS = st.builds(
    Decision,
    verdict=st.sampled_from(Verdict),
    reason=st.sampled_from(Reason),
    amount_fen=FEN,
    limit_fen=FEN,
    language=st.none() | st.sampled_from(Language),
    prepaid_fen=FEN,
)
EVENTS = st.builds(
    GateEvent,
    event_id=NAMES.map(EventId),
    garage_id=NAMES.map(GarageId),
    lane_id=NAMES.map(LaneId),
    kind=st.sampled_from(Kind),
    captured_at=MOMENTS,
    plate=st.builds(
        Plate, number=st.sampled_from(["浙A12345", "无", "ABC1", "粤Z1234港"]), colour=st.sampled_from(Colour)
    ),
    confidence=CONFIDENCES,
    candidates=st.lists(st.builds(Candidate, number=ANY_TEXT, confidence=CONFIDENCES), max_size=3).map(tuple),
    offline=st.booleans(),
)
GRANTS = st.builds(
    Grant,
    allowed=st.booleans(),
    limit_fen=FEN,
    reason=st.sampled_from(GrantReason),
    expires_at=MOMENTS,
    account_id=st.none() | st.uuids().map(AccountId),
    language=st.none() | st.sampled_from(Language),
)
SESSION = SessionId(UUID(int=7))


@settings(max_examples=200, deadline=None)
@given(event=EVENTS, received_at=MOMENTS)
def test_an_event_is_read_back_with_the_same_digest(event: GateEvent, received_at: datetime) -> None:
    text = event_text(event, received_at)
    json.loads(text)
    again, at = event_from(text)
    assert (again, at, again.digest()) == (event, received_at, event.digest())


@settings(deadline=None)
@given(decision=DECISIONS, session=st.none() | st.uuids().map(SessionId))
def test_an_answer_is_read_back(decision: Decision, session: SessionId | None) -> None:
    assert answer_from(f"{decision_text(decision)};{session or ''}") == (decision, session)


def test_a_debtor_is_told_in_a_language_too() -> None:
    told = Decision(
        verdict=Verdict.HOLD, reason=Reason.DEBT, owed_fen=1200, reference="D7", language=Language.ENGLISH
    )
    for decision in (told, replace(told, language=None), replace(told, prepaid_fen=800)):
        assert answer_from(f"{decision_text(decision)};") == (decision, None)


@settings(deadline=None)
@given(grant=GRANTS)
def test_a_grant_is_read_back(grant: Grant) -> None:
    assert grant_from(grant_text(grant)) == grant


def test_a_session_is_read_back_from_its_facts_and_what_came_later() -> None:
    version = TariffVersionId("standard@0123456789ab")
    grant = Grant(
        allowed=True,
        limit_fen=5000,
        reason=GrantReason.GOOD_STANDING,
        expires_at=MIDNIGHT,
        account_id=AccountId(UUID(int=9)),
    )
    facts = facts_text(an_event(), version)
    bare = session_from(GARAGE, {"s": str(SESSION), "f": facts, "v": "0"})
    assert session_facts(bare) == facts
    assert (bare.entered_at, bare.entry_event_id, bare.account_id, bare.prepaid_fen) == (
        MIDNIGHT,
        "e1",
        None,
        0,
    )
    moments = {
        name: str(to_ms(MIDNIGHT + timedelta(hours=hours)))
        for name, hours in (("pa", 1), ("pu", 2), ("o", 3))
    }
    full = session_from(
        GARAGE,
        {"s": str(SESSION), "f": facts, "v": "2", "g": grant_text(grant), "p": "800", **moments, "new": "1"},
    )
    assert (full.version, full.account_id, full.prepaid_fen) == (2, grant.account_id, 800)
    assert [full.prepaid_at, full.prepaid_until, full.left_at] == [
        MIDNIGHT + timedelta(hours=hours) for hours in (1, 2, 3)
    ]


@pytest.mark.parametrize("missing", ["e", "d", "r", "x"])
def test_a_record_without_a_field_is_no_record(missing: str) -> None:
    decision = Decision(verdict=Verdict.OPEN, reason=Reason.ENTRY)
    fields = {
        "e": event_text(an_event(), MIDNIGHT),
        "d": f"{decision_text(decision)};",
        "r": "applied",
        "x": "-",
    }
    assert record_from("1-0", Partition(0), fields).event == an_event()
    del fields[missing]
    with pytest.raises(KeyError):
        record_from("1-0", Partition(0), fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("r", "eaten"),
        ("x", "flew"),
        ("d", "open;entry"),
        ("d", "open;because;0;0;"),
        ("e", "{"),
        ("e", '{"i":1}'),
    ],
)
def test_a_record_that_says_something_unknown_is_unreadable(field: str, value: str) -> None:
    decision = Decision(verdict=Verdict.OPEN, reason=Reason.ENTRY)
    fields = {
        "e": event_text(an_event(), MIDNIGHT),
        "d": f"{decision_text(decision)};",
        "r": "applied",
        "x": "-",
    }
    with pytest.raises((KeyError, ValueError)):
        record_from("1-0", Partition(0), fields | {field: value})


def test_a_seal_keeps_every_byte_of_its_signature() -> None:
    seal = Seal(key_id="20260302T080000-01234567", issued_at=from_ms(1_772_438_400_000), signature=b";" * 64)
    assert seal_from(seal_bytes(seal)) == seal
    assert seal_bytes(None) == b""
