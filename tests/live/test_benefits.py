"""What a stay is given reaches the gate, counts at its exit, and travels with it to the books."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from parking.benefits import NO_BENEFITS, Benefits
from parking.clock import to_ms
from parking.coupon import Coupon, CouponKind, Covered
from parking.decision import Decision, Reason, Verdict
from parking.event import Kind
from parking.garage import LeaveFirst, Policy
from parking.grant import Grant, Granted, GrantReason
from parking.live.keys import Keys
from parking.live.outcomes import Changed, Inside, Written
from parking.session import Step
from tests.scenarios.stage import GARAGE, MIDNIGHT, PARTITIONS, an_event, garage_of, stage

if TYPE_CHECKING:
    from parking.session import Session
    from tests.scenarios.stage import Stage

EVERYONE = Policy(leave_first=LeaveFirst.EVERYONE, everyone_limit_fen=100_000)
LEAVES_AT = MIDNIGHT + timedelta(hours=2)
LEAVING = an_event("e2", Kind.EXIT, at=LEAVES_AT)
TOMORROW = MIDNIGHT + timedelta(days=1)
NO_GRANT = Grant(allowed=False, limit_fen=0, reason=GrantReason.NOT_REGISTERED, expires_at=TOMORROW)
PASS = Benefits(covered=(Covered(since=MIDNIGHT, until=MIDNIGHT + timedelta(days=30), name="monthly 7"),))
HALF = Benefits(covered=(Covered(since=MIDNIGHT, until=MIDNIGHT + timedelta(hours=1), name="monthly 7"),))
COUPON = Benefits(coupons=(Coupon(coupon_id="c1", kind=CouponKind.FREE_STAY, funder="bakery"),))


async def inside(on: Stage) -> Session:
    await on.desk.answer(an_event(), garage_of(EVERYONE))
    found = await on.sessions.find(GARAGE, LEAVING.plate.number)
    assert found.session is not None
    return found.session


async def give(on: Stage, session: Session, benefits: Benefits | None) -> None:
    assert await on.grants.give(Granted(session=session, grant=NO_GRANT, benefits=benefits))


@pytest.mark.parametrize(
    ("benefits", "reason", "amount_fen"),
    [
        (None, Reason.EVERYONE, 1600),
        (NO_BENEFITS, Reason.EVERYONE, 1600),
        (PASS, Reason.PASS, 0),
        (HALF, Reason.EVERYONE, 800),
        (COUPON, Reason.COUPON, 0),
        (Benefits(exempt="ambulance"), Reason.EXEMPT, 0),
    ],
)
async def test_an_exit_is_priced_with_it_and_the_record_carries_it(
    valkey_url: str, benefits: Benefits | None, reason: Reason, amount_fen: int
) -> None:
    async with stage(valkey_url) as on:
        await give(on, await inside(on), benefits)
        on.clock.moment = LEAVES_AT
        answer = await on.desk.answer(LEAVING, garage_of(EVERYONE))
        assert (answer.decision.reason, answer.decision.amount_fen) == (reason, amount_fen)
        left = (await on.journal())[-1]
        assert left.session is not None
        assert left.session.benefits == benefits


async def test_what_is_told_later_counts_and_what_is_not_known_changes_nothing(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        session = await inside(on)
        await give(on, session, PASS)
        await give(on, session, None)
        found = await on.sessions.find(GARAGE, LEAVING.plate.number)
        assert found.session is not None
        assert found.session.benefits == PASS
        await give(on, session, NO_BENEFITS)
        again = await on.sessions.find(GARAGE, LEAVING.plate.number)
        assert again.session is not None
        assert again.session.benefits == NO_BENEFITS


@pytest.mark.parametrize("meanwhile", ["benefits", "prepayment"])
async def test_an_exit_decided_on_what_has_changed_meanwhile_is_decided_anew(
    valkey_url: str, meanwhile: str
) -> None:
    async with stage(valkey_url) as on:
        session = await inside(on)
        if meanwhile == "benefits":
            await give(on, session, PASS)
        else:
            paid_at, until = LEAVES_AT - timedelta(minutes=5), LEAVES_AT + timedelta(minutes=10)
            await on.sessions.prepay(session, total_fen=1600, paid_at=paid_at, until=until)
        looked_at = replace(session, benefits=None, prepaid_at=None)
        leaving = on.sessions.steps.leave(
            LEAVING,
            looked_at,
            decision=Decision(verdict=Verdict.OPEN, reason=Reason.EVERYONE, amount_fen=1600),
            policy=EVERYONE,
            received_at=LEAVES_AT,
        )
        assert await on.sessions.take(leaving) == Changed()
        on.clock.moment = LEAVES_AT
        answer = await on.desk.answer(LEAVING, garage_of(EVERYONE))
        assert answer.decision.reason is (Reason.PASS if meanwhile == "benefits" else Reason.PREPAID)


async def test_an_undone_exit_keeps_it(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        await give(on, await inside(on), COUPON)
        on.clock.moment = LEAVES_AT
        await on.desk.answer(LEAVING, garage_of(EVERYONE))
        back = an_event("e3", Kind.TURN_BACK, at=LEAVES_AT + timedelta(minutes=1), lane="out-1")
        on.clock.moment = back.captured_at
        await on.desk.answer(back, garage_of(EVERYONE))
        undone = (await on.journal())[-1]
        assert undone.step is Step.EXIT_UNDONE
        assert undone.session is not None
        assert undone.session.benefits == COUPON


async def test_a_gate_of_the_version_before_still_closes_sessions(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        session = await inside(on)
        await give(on, session, PASS)
        step = on.sessions.steps.leave(
            LEAVING,
            session,
            decision=Decision(verdict=Verdict.OPEN, reason=Reason.EVERYONE, amount_fen=1600),
            policy=EVERYONE,
            received_at=LEAVES_AT,
        )
        older = step._replace(arguments=step.arguments[:10])
        assert isinstance(await on.sessions.take(older), Written)
        assert await on.sessions.find(GARAGE, LEAVING.plate.number) == Inside(session=None, grant=None)


async def test_what_a_newer_version_gives_and_this_one_cannot_read_is_no_price(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        await inside(on)
        car = Keys(PARTITIONS).of(GARAGE).car(LEAVING.plate.number)
        await on.live.call("HSET", car, "b", '{"k":[["c1","gold",{}]]}', "pa", to_ms(MIDNIGHT))
        on.clock.moment = LEAVES_AT
        with pytest.raises(Exception, match="cannot be read"):
            await on.desk.answer(LEAVING, garage_of(EVERYONE))
