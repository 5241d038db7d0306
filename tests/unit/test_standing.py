"""Who may leave first, and up to what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from parking.grant import GrantReason
from parking.ids import AccountId
from settlement.standing import Standing, grant_of

THEN = datetime(2026, 6, 1, tzinfo=UTC)
GOOD = Standing(
    account_id=AccountId(UUID(int=1)),
    active=True,
    has_agreement=True,
    has_debt=False,
    limit_fen=5_000,
    exposure_limit_fen=20_000,
    exposure_fen=0,
)


@pytest.mark.parametrize(
    ("standing", "reason", "limit_fen"),
    [
        (GOOD, GrantReason.GOOD_STANDING, 5_000),
        (replace(GOOD, exposure_fen=17_000), GrantReason.GOOD_STANDING, 3_000),
        (replace(GOOD, exposure_fen=19_999), GrantReason.GOOD_STANDING, 1),
        (replace(GOOD, exposure_fen=20_000), GrantReason.EXPOSURE, 0),
        (replace(GOOD, exposure_fen=30_000), GrantReason.EXPOSURE, 0),
        (replace(GOOD, limit_fen=0), GrantReason.EXPOSURE, 0),
        (replace(GOOD, has_debt=True), GrantReason.DEBT, 0),
        (replace(GOOD, has_agreement=False), GrantReason.NO_AGREEMENT, 0),
        (replace(GOOD, active=False), GrantReason.ACCOUNT_SUSPENDED, 0),
        (replace(GOOD, active=False, has_debt=True), GrantReason.ACCOUNT_SUSPENDED, 0),
    ],
)
def test_a_grant_follows_from_the_standing(standing: Standing, reason: GrantReason, limit_fen: int) -> None:
    grant = grant_of(standing, THEN)
    assert (grant.reason, grant.limit_fen, grant.allowed) == (reason, limit_fen, limit_fen > 0)
    assert (grant.account_id, grant.expires_at) == (standing.account_id, THEN)


def test_a_plate_without_an_account_is_not_registered() -> None:
    grant = grant_of(None, THEN)
    assert (grant.allowed, grant.reason, grant.account_id) == (False, GrantReason.NOT_REGISTERED, None)
