"""May this car pass: who vouches, up to what, and what the barrier does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.gates.display import display, speech
from parking.decision import Decision, Reason, Verdict, barrier, decide_exit, told_at
from parking.garage import Barrier, LeaveFirst, Policy
from parking.grant import Grant, GrantReason
from parking.language import Language
from parking.plate import Colour, parse_plate

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
GRANT = Grant(
    allowed=True, limit_fen=1000, reason=GrantReason.GOOD_STANDING, expires_at=NOW + timedelta(hours=1)
)
GRANTED_ONLY = Policy()
EVERYONE = Policy(leave_first=LeaveFirst.EVERYONE, everyone_limit_fen=600)


@pytest.mark.parametrize(
    ("due_fen", "prepaid_fen", "grant", "policy", "expected"),
    [
        (0, 0, None, GRANTED_ONLY, ("open", "free", 0, 0)),
        (0, 800, None, GRANTED_ONLY, ("open", "prepaid", 800, 0)),
        (1, 0, None, GRANTED_ONLY, ("hold", "no_grant", 1, 0)),
        (1000, 0, GRANT, GRANTED_ONLY, ("open", "granted", 1000, 1000)),
        (1001, 0, GRANT, GRANTED_ONLY, ("hold", "over_limit", 1001, 1000)),
        (1000, 500, GRANT, GRANTED_ONLY, ("open", "granted", 1500, 1000)),
        (1, 0, replace(GRANT, allowed=False), GRANTED_ONLY, ("hold", "no_grant", 1, 0)),
        (1, 0, replace(GRANT, expires_at=NOW), GRANTED_ONLY, ("hold", "no_grant", 1, 0)),
        (600, 0, None, EVERYONE, ("open", "everyone", 600, 600)),
        (601, 0, None, EVERYONE, ("hold", "over_limit", 601, 600)),
        (601, 0, GRANT, EVERYONE, ("open", "granted", 601, 1000)),
        (600, 0, replace(GRANT, limit_fen=600), EVERYONE, ("open", "granted", 600, 600)),
        (600, 0, replace(GRANT, limit_fen=599), EVERYONE, ("open", "everyone", 600, 600)),
        (600, 0, replace(GRANT, expires_at=NOW), EVERYONE, ("open", "everyone", 600, 600)),
    ],
)
def test_an_exit_is_decided(
    due_fen: int, prepaid_fen: int, grant: Grant | None, policy: Policy, expected: tuple[str, str, int, int]
) -> None:
    made = decide_exit(
        due_fen=due_fen, prepaid_fen=prepaid_fen, benefits=None, grant=grant, policy=policy, at=NOW
    )
    assert (made.verdict, made.reason, made.amount_fen, made.limit_fen) == expected
    assert (made.prepaid_fen, made.rest_fen) == (prepaid_fen, due_fen)


@pytest.mark.parametrize(
    ("grant", "shown"),
    [
        (None, "请缴费 4.00元"),
        (replace(GRANT, limit_fen=100), "请缴费 4.00元"),
        (GRANT, "先离场 后付费 4.00元"),
    ],
)
def test_only_the_rest_is_shown_when_a_part_was_paid_inside(grant: Grant | None, shown: str) -> None:
    made = decide_exit(due_fen=400, prepaid_fen=800, benefits=None, grant=grant, policy=GRANTED_ONLY, at=NOW)
    assert display(parse_plate("浙A12345", Colour.BLUE), made) == ["浙A12345", shown]


@given(
    due_fen=st.integers(0, 3000),
    limit_fen=st.integers(0, 3000),
    allowed=st.booleans(),
    policy=st.sampled_from([GRANTED_ONLY, EVERYONE]),
)
def test_nobody_leaves_owing_more_than_somebody_vouches_for(
    *, due_fen: int, limit_fen: int, allowed: bool, policy: Policy
) -> None:
    grant = replace(GRANT, limit_fen=limit_fen, allowed=allowed)
    made = decide_exit(due_fen=due_fen, prepaid_fen=0, benefits=None, grant=grant, policy=policy, at=NOW)
    vouched_fen = limit_fen if allowed else 0
    everyone_fen = policy.everyone_limit_fen if policy is EVERYONE else 0
    assert (made.verdict is Verdict.OPEN) == (due_fen <= max(vouched_fen, everyone_fen))


def test_a_barrier_does_as_the_policy_says() -> None:
    assert (barrier(Barrier.OPEN), barrier(Barrier.HOLD)) == (Verdict.OPEN, Verdict.HOLD)


@pytest.mark.parametrize(
    ("driver", "garage", "lane", "words"),
    [
        (None, None, Language.CHINESE, "欢迎光临"),
        (None, None, Language.ENGLISH, "Welcome"),
        (None, Language.ENGLISH, Language.CHINESE, "Welcome"),
        (Language.CHINESE, Language.ENGLISH, Language.ENGLISH, "欢迎光临"),
        (Language.ENGLISH, Language.CHINESE, Language.CHINESE, "Welcome"),
    ],
)
def test_a_driver_is_told_in_his_language_else_the_garages_else_the_lanes(
    driver: Language | None, garage: Language | None, lane: Language, words: str
) -> None:
    made = Decision(verdict=Verdict.OPEN, reason=Reason.ENTRY, language=driver)
    told = told_at(made, Policy(language=garage))
    plate = parse_plate("浙A12345", Colour.BLUE)
    assert display(plate, told, lane) == ["浙A12345", words]
    assert words in speech(plate, told, lane)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_words_on_the_display(reason: Reason) -> None:
    plate = parse_plate("浙A12345", Colour.BLUE)
    lines = display(plate, Decision(verdict=Verdict.OPEN, reason=reason, amount_fen=1250))
    if reason in {Reason.LATE, Reason.TOO_LATE, Reason.CLOCK, Reason.OFFLINE_GRANT, Reason.GRANT_REFUSED}:
        assert lines == []
    else:
        assert lines[0] == "浙A12345"
        assert len(lines) == 2
    owing = {Reason.GRANTED, Reason.EVERYONE, Reason.PREPAID, Reason.NO_GRANT, Reason.OVER_LIMIT}
    assert ("12.50" in "".join(lines)) is (reason in owing)
