"""Putting cars and answers back: what is lost returns, what is there stays."""

from __future__ import annotations

from datetime import timedelta

from parking.event import Kind
from parking.garage import LeaveFirst, Policy
from parking.live.restoring import Restoring
from parking.session import Session
from tests.scenarios.stage import GARAGE, MIDNIGHT, PARTITIONS, Stage, an_event, garage_of, stage

KEPT = timedelta(hours=72)
EVERYONE = garage_of(Policy(leave_first=LeaveFirst.EVERYONE))


def restoring(on: Stage) -> Restoring:
    return Restoring(on.live, partition_count=PARTITIONS, answers_kept=KEPT)


async def one_inside(on: Stage) -> Session:
    """A car inside that has paid 8 yuan of what it will owe."""
    await on.desk.answer(an_event(), EVERYONE)
    session = (await on.journal())[0].session
    assert session is not None
    paid_at = MIDNIGHT + timedelta(minutes=30)
    await on.sessions.prepay(session, total_fen=800, paid_at=paid_at, until=paid_at + timedelta(minutes=15))
    found = (await on.sessions.find(GARAGE, session.plate.number)).session
    assert found is not None
    return found


async def test_a_lost_car_is_inside_again_as_it_was_and_leaves_as_it_would_have(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        session = await one_inside(on)
        on.clock.moment = MIDNIGHT + timedelta(minutes=80)
        leaving = an_event("e2", Kind.EXIT, at=on.clock.moment)
        await on.live.call("FLUSHALL")
        assert await restoring(on).car(session)
        assert (await on.sessions.find(GARAGE, session.plate.number)).session == session
        assert await on.sessions.occupancy(GARAGE) == 1
        answer = await on.desk.answer(leaving, EVERYONE)
        assert (answer.session_id, answer.decision.amount_fen) == (session.session_id, 1200)


async def test_a_car_that_is_there_stays(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        session = await one_inside(on)
        before = await on.dump()
        assert not await restoring(on).car(session)
        assert await on.dump() == before


async def test_an_answer_is_remembered_unless_one_is(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        answer = await on.desk.answer(an_event(), EVERYONE)
        before = await on.dump()
        assert not await restoring(on).answer(an_event(), answer.decision, answer.session_id)
        assert await on.dump() == before
        await on.live.call("FLUSHALL")
        assert await restoring(on).answer(an_event(), answer.decision, answer.session_id)
        again = await on.desk.answer(an_event(), EVERYONE)
        assert (again.replayed, again.decision, again.session_id) == (
            True,
            answer.decision,
            answer.session_id,
        )
        assert await on.journal() == []


async def test_a_car_that_has_left_since_the_books_heard_of_it_stays_outside(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        session = await one_inside(on)
        await on.desk.answer(an_event("e2", Kind.EXIT, at=MIDNIGHT + timedelta(minutes=1)), EVERYONE)
        assert not await restoring(on).car(session)
        assert await on.sessions.occupancy(GARAGE) == 0
