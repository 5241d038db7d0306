"""When somebody outside vouches for a car: which voucher counts, and what it can and cannot overrule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from parking.grant import GrantReason
from parking.ids import AccountId, EventId, GarageId, LaneId, TariffVersionId, session_id_of
from parking.plate import Colour, Plate
from parking.session import Session
from settlement.deciding import Known, PolicyBook, decide
from settlement.policy import Place, Scope
from settlement.standing import Block, Rule, Standing
from settlement.voucher import Voucher, voucher_of

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
HERE = GarageId("east")
STAY = Session(
    session_id=session_id_of(HERE, EventId("e1")),
    garage_id=HERE,
    plate=Plate(number="浙A12345", colour=Colour.BLUE),
    entered_at=NOON,
    entry_lane_id=LaneId("in-1"),
    entry_event_id=EventId("e1"),
    tariff_version_id=TariffVersionId("t1"),
)
CITY = Voucher(rail="city", garage_id=HERE, limit_fen=3_000, given_at=NOON + timedelta(minutes=1))
DRIVER = Standing(account_id=AccountId(UUID(int=1)), agreements=1, limit_fen=5_000, exposure_limit_fen=20_000)
BLOCK = Block(block_id="b1", scope=Scope.ALL, origin=Place(garage_id=HERE, operator_id="*"), cause="fraud")


@pytest.mark.parametrize(
    ("vouchers", "limit_fen"),
    [
        ((), None),
        ((CITY,), 3_000),
        ((replace(CITY, garage_id=GarageId("west")),), None),
        ((replace(CITY, limit_fen=0),), None),
        ((replace(CITY, given_at=NOON - timedelta(minutes=2)),), 3_000),
        ((replace(CITY, given_at=NOON - timedelta(minutes=2, seconds=1)),), None),
        ((CITY, replace(CITY, rail="other", limit_fen=4_000)), 4_000),
    ],
    ids=[
        "none",
        "of this stay",
        "elsewhere",
        "taken back",
        "clocks apart",
        "of an earlier stay",
        "two parties",
    ],
)
def test_a_voucher_counts_for_the_stay_during_which_it_was_given(
    vouchers: tuple[Voucher, ...], limit_fen: int | None
) -> None:
    found = voucher_of(STAY, vouchers)
    assert (found and found.limit_fen) == limit_fen


@pytest.mark.parametrize(
    ("standing", "reason", "limit_fen", "payer"),
    [
        (None, GrantReason.VOUCHED, 3_000, None),
        (DRIVER, GrantReason.GOOD_STANDING, 5_000, DRIVER.account_id),
        (replace(DRIVER, limit_fen=3_000), GrantReason.GOOD_STANDING, 3_000, DRIVER.account_id),
        (replace(DRIVER, limit_fen=2_999), GrantReason.VOUCHED, 3_000, None),
        (replace(DRIVER, agreements=0), GrantReason.VOUCHED, 3_000, None),
        (replace(DRIVER, binding_disputed=True), GrantReason.VOUCHED, 3_000, None),
        (replace(DRIVER, active=False), GrantReason.ACCOUNT_SUSPENDED, 0, DRIVER.account_id),
        (replace(DRIVER, leave_first=False), GrantReason.LEAVE_FIRST_OFF, 0, DRIVER.account_id),
        (replace(DRIVER, blocks=(BLOCK,)), GrantReason.BLOCKED, 0, DRIVER.account_id),
    ],
    ids=[
        "nobody",
        "own",
        "own as far",
        "own less far",
        "no agreement",
        "disputed",
        "suspended",
        "off",
        "blocked",
    ],
)
def test_whoever_reaches_further_pays_unless_somebody_said_no(
    standing: Standing | None, reason: GrantReason, limit_fen: int, payer: AccountId | None
) -> None:
    known = Known(standing=standing, vouchers=(CITY,))
    decided = decide(STAY, known, PolicyBook(), now=NOON, expires_at=NOON + timedelta(days=1))
    grant = decided.grant
    assert (grant.reason, grant.limit_fen, grant.account_id) == (reason, limit_fen, payer)
    assert grant.allowed == (limit_fen > 0)
    assert (Rule.VOUCHED in {one.rule for one in decided.fired}) == (reason is GrantReason.VOUCHED)
