"""Who may leave first, up to what, by which rules; and what awaits a debtor who comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from parking.debt import Measure
from parking.errors import InvalidInput
from parking.grant import GrantReason
from parking.ids import AccountId, BillId, GarageId
from settlement.policy import STANDARD, Place, ReturnRule, Scope, StandingPolicy, policy_version_id_of
from settlement.returning import found_at, reference_of
from settlement.standing import Block, OpenBill, Rule, Standing, grant_of, judge

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
HERE = Place(garage_id=GarageId("east"), operator_id="kerry")
SISTER = Place(garage_id=GarageId("west"), operator_id="kerry")
STRANGER = Place(garage_id=GarageId("far"), operator_id="other")
GOOD = Standing(account_id=AccountId(UUID(int=1)), agreements=1, limit_fen=5_000, exposure_limit_fen=20_000)


def bill(amount_fen: int = 1_000, hours: float = 1, *, number: int = 1, origin: Place = HERE) -> OpenBill:
    return OpenBill(
        bill_id=BillId(UUID(int=number)),
        origin=origin,
        amount_fen=amount_fen,
        raised_at=NOW - timedelta(hours=hours),
    )


LATE = bill(1_200, 24)
BLOCK = Block(block_id="b1", scope=Scope.OPERATOR, origin=SISTER, cause="fraud")


@pytest.mark.parametrize(
    ("standing", "reason", "limit_fen", "rules"),
    [
        (GOOD, "good_standing", 5_000, ""),
        (replace(GOOD, bills=(bill(17_000),)), "good_standing", 3_000, "limit_lowered"),
        (replace(GOOD, bills=(bill(19_999),)), "good_standing", 1, "limit_lowered"),
        (replace(GOOD, bills=(bill(20_000),)), "exposure", 0, "exposure!"),
        (replace(GOOD, limit_fen=0), "exposure", 0, "exposure!"),
        (replace(GOOD, bills=(bill(1_200, 23.9),)), "good_standing", 5_000, ""),
        (replace(GOOD, bills=(LATE,)), "debt", 0, "debt!"),
        (replace(GOOD, bills=(replace(LATE, origin=SISTER),)), "debt", 0, "debt!"),
        (replace(GOOD, bills=(replace(LATE, origin=STRANGER),)), "good_standing", 5_000, ""),
        (replace(GOOD, bills=(replace(LATE, disputed=True),)), "good_standing", 5_000, "disputed_left_out"),
        (replace(GOOD, bills=(replace(LATE, payable=False),)), "good_standing", 5_000, ""),
        (replace(GOOD, bills=(replace(bill(), declined=True),)), "good_standing", 5_000, ""),
        (replace(GOOD, agreements=0), "no_agreement", 0, "no_agreement!"),
        (replace(GOOD, leave_first=False), "leave_first_off", 0, "leave_first_off!"),
        (replace(GOOD, blocks=(BLOCK,)), "blocked", 0, "blocked!"),
        (replace(GOOD, blocks=(replace(BLOCK, scope=Scope.GARAGE),)), "good_standing", 5_000, ""),
        (replace(GOOD, binding_disputed=True), "binding_disputed", 0, "binding_disputed!"),
        (
            replace(GOOD, active=False, agreements=0, bills=(LATE,)),
            "account_suspended",
            0,
            "account_suspended! no_agreement! debt!",
        ),
    ],
)
def test_a_grant_follows_from_the_standing_and_names_every_rule(
    standing: Standing, reason: str, limit_fen: int, rules: str
) -> None:
    judgement = judge(standing, HERE, STANDARD, NOW)
    fired = " ".join(one.rule.value + ("!" if one.stops else "") for one in judgement.fired)
    assert (judgement.reason, judgement.limit_fen, fired) == (reason, limit_fen, rules)
    grant = grant_of(judgement, standing, NOW)
    assert (grant.allowed, grant.limit_fen, grant.reason) == (limit_fen > 0, limit_fen, reason)
    assert grant.account_id == (None if standing.binding_disputed else standing.account_id)


def test_a_plate_without_an_account_is_not_registered() -> None:
    judgement = judge(None, HERE, STANDARD, NOW)
    assert [one.rule for one in judgement.fired] == [Rule.NOT_REGISTERED]
    grant = grant_of(judgement, None, NOW)
    assert (grant.allowed, grant.reason, grant.account_id) == (False, GrantReason.NOT_REGISTERED, None)


def policy(**changed: Any) -> StandingPolicy:  # noqa: ANN401 - whatever the field takes
    return replace(STANDARD, **changed)


@pytest.mark.parametrize(
    ("chosen", "standing", "reason"),
    [
        (policy(score_min=650), replace(GOOD, score=649), "low_score"),
        (policy(score_min=650), replace(GOOD, score=650), "good_standing"),
        (policy(score_min=650), GOOD, "good_standing"),
        (policy(open_bills_max=1), replace(GOOD, bills=(bill(),)), "too_many_open"),
        (policy(open_bills_max=2), replace(GOOD, bills=(bill(),)), "good_standing"),
        (policy(suspend_from_bills=2), replace(GOOD, bills=(LATE,)), "good_standing"),
        (policy(suspend_from_fen=1_201), replace(GOOD, bills=(LATE,)), "good_standing"),
        (policy(suspend_scope=Scope.GARAGE), replace(GOOD, bills=(replace(LATE, origin=SISTER),)),
         "good_standing"),
        (policy(suspend_scope=Scope.ALL), replace(GOOD, bills=(replace(LATE, origin=STRANGER),)), "debt"),
        (policy(declined_is_overdue=True), replace(GOOD, bills=(replace(bill(), declined=True),)), "debt"),
        (policy(pay_within=timedelta(hours=48)), replace(GOOD, bills=(LATE,)), "good_standing"),
    ],
)  # fmt: skip
def test_what_counts_is_the_policys_choice(chosen: StandingPolicy, standing: Standing, reason: str) -> None:
    assert judge(standing, HERE, chosen, NOW).reason == reason


@pytest.mark.parametrize(
    ("bills", "waived", "told"),
    [
        ([bill(30_000, 23)], False, None),
        ([bill(499, 24)], False, ("warn", "warn", 499)),
        ([bill(500, 24)], False, ("warn", "pay", 500)),
        ([bill(300, 24), bill(200, 30, number=2, origin=SISTER)], False, ("warn", "pay", 500)),
        ([bill(300, 24), bill(200, 30, number=2, origin=STRANGER)], False, ("warn", "warn", 300)),
        ([bill(19_999, 24 * 40)], False, ("warn", "pay", 19_999)),
        ([bill(20_000, 24 * 29)], False, ("warn", "pay", 20_000)),
        ([bill(20_000, 24 * 30)], False, ("pay", "pay", 20_000)),
        ([bill(20_000, 24 * 30)], True, ("warn", "warn", 20_000)),
        ([replace(bill(20_000, 24 * 30), disputed=True)], False, None),
        ([replace(bill(20_000, 24 * 30), payable=False)], False, None),
        ([replace(LATE, disputed=True), bill(500, 24, number=2)], False, ("warn", "pay", 500)),
    ],
)  # fmt: skip
def test_a_returning_debtor_is_met_in_proportion(
    bills: list[OpenBill], *, waived: bool, told: tuple[str, str, int] | None
) -> None:
    found = found_at(HERE, bills, STANDARD, NOW, waived=waived)
    if found is None:
        assert told is None
        return
    notice = found.notice
    assert (notice.entry, notice.exit, notice.owed_fen) == told
    assert notice.reference == reference_of(one.bill_id for one in found.bills)
    assert {one.rule for one in found.fired} == {Rule.RETURNING_DEBTOR} | ({Rule.WAIVED} if waived else set())


def test_a_reference_names_its_bills_in_any_order() -> None:
    one, other = BillId(UUID(int=1)), BillId(UUID(int=2))
    assert reference_of([one, other]) == reference_of([other, one])
    assert len({reference_of([one]), reference_of([other]), reference_of([one, other])}) == 3
    assert len(reference_of([one])) == 17


def test_nobody_is_kept_out_for_less_than_the_policy_says() -> None:
    rule = ReturnRule(
        scope=Scope.ALL, from_fen=9_999, older_than=timedelta(0), entry=Measure.ATTENDANT, exit=Measure.WARN
    )
    with pytest.raises(InvalidInput) as refused:
        replace(STANDARD, entry_refused_from_fen=10_000, returning=(rule,))
    assert refused.value.fields == ("returning.0.from_fen",)
    replace(STANDARD, entry_refused_from_fen=9_999, returning=(rule,))


def test_a_policy_is_named_by_its_whole_content() -> None:
    assert policy_version_id_of(STANDARD) == policy_version_id_of(replace(STANDARD))
    assert policy_version_id_of(STANDARD) != policy_version_id_of(policy(score_min=1))
    assert policy_version_id_of(STANDARD).startswith("standard@")
