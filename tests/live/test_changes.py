"""Whoever listens hears which key has changed, and only when it has; and may foresee the answer."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta

import pytest

from parking.debt import DebtNotice, Measure
from parking.decision import Reason, Verdict
from parking.errors import DependencyError
from parking.event import Kind
from parking.foresight import foresee
from parking.grant import Grant, Granted, GrantReason
from parking.live.changes import Change, Changed, changes
from parking.plate import Colour, parse_plate
from tests.scenarios.stage import GARAGE, MIDNIGHT, PARTITIONS, an_event, garage_of, stage

NOON = MIDNIGHT + timedelta(hours=12)
NUMBER = "浙A12345"
NOTICE = DebtNotice(entry=Measure.PAY, exit=Measure.PAY, owed_fen=500, reference="r")
GRANT = Grant(
    allowed=True, limit_fen=9_000, reason=GrantReason.GOOD_STANDING, expires_at=NOON + timedelta(days=1)
)


async def test_a_change_is_told_once_it_is_there(valkey_url: str) -> None:
    async with stage(valkey_url) as on, aclosing(changes(valkey_url, partition_count=PARTITIONS)) as heard:
        garage, event = garage_of(), an_event()
        on.clock.moment = event.captured_at
        await on.desk.answer(event, garage)
        session = (await on.sessions.find(GARAGE, NUMBER)).session
        assert session is not None
        async with asyncio.timeout(30):
            assert await anext(heard) is None
            await on.sessions.prepay(session, total_fen=100, paid_at=NOON, until=NOON)
            assert await anext(heard) == Change(Changed.CAR, GARAGE, NUMBER)
            await on.grants.give(Granted(session=session, grant=GRANT))
            assert await anext(heard) == Change(Changed.CAR, GARAGE, NUMBER)
            await on.debtors.put(GARAGE, session.plate, NOTICE)
            assert await anext(heard) == Change(Changed.DEBTOR, GARAGE, NUMBER)
            await on.debtors.replace(GARAGE, {})
            assert await anext(heard) == Change(Changed.DEBTOR, GARAGE, NUMBER)


async def test_a_car_that_is_gone_changes_nothing_and_nobody_is_told(valkey_url: str) -> None:
    async with stage(valkey_url) as on, aclosing(changes(valkey_url, partition_count=PARTITIONS)) as heard:
        on.clock.moment = MIDNIGHT
        await on.desk.answer(an_event(), garage_of())
        session = (await on.sessions.find(GARAGE, NUMBER)).session
        assert session is not None
        await on.desk.answer(an_event("out", Kind.EXIT), garage_of())
        async with asyncio.timeout(30):
            assert await anext(heard) is None
            assert not await on.sessions.prepay(session, total_fen=1, paid_at=NOON, until=NOON)
            await on.debtors.put(GARAGE, session.plate, None)
            assert await anext(heard) == Change(Changed.DEBTOR, GARAGE, NUMBER)


async def test_a_lost_store_ends_the_listening_with_an_error_of_ours(valkey_url: str) -> None:
    with pytest.raises(DependencyError):
        await anext(changes(f"{valkey_url}.not", partition_count=PARTITIONS))


async def test_what_a_car_would_be_told_is_foreseen_without_a_trace(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        garage, leaves = garage_of(), an_event("out", Kind.EXIT, at=NOON)
        on.clock.moment = MIDNIGHT
        await on.desk.answer(an_event(), garage)
        session = (await on.sessions.find(GARAGE, NUMBER)).session
        assert session is not None
        before = await on.dump()
        held = await foresee(on.sessions, leaves, garage, NOON)
        assert held is not None
        assert (held.verdict, held.reason, held.amount_fen) == (Verdict.HOLD, Reason.NO_GRANT, 6_000)
        assert await on.dump() == before
        await on.sessions.prepay(session, total_fen=6_000, paid_at=NOON, until=NOON + timedelta(minutes=15))
        paid = await foresee(on.sessions, leaves, garage, NOON + timedelta(minutes=1))
        assert paid is not None
        assert (paid.verdict, paid.reason) == (Verdict.OPEN, Reason.PREPAID)
        stranger = an_event("other", Kind.EXIT, plate="浙A54321")
        assert await foresee(on.sessions, stranger, garage, NOON) is None


async def test_an_entry_of_a_debtor_is_foreseen_by_the_notice_of_its_garage(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        garage, enters, plate = garage_of(), an_event(), parse_plate(NUMBER, Colour.BLUE)
        await on.debtors.put(GARAGE, plate, NOTICE)
        held = await foresee(on.sessions, enters, garage, MIDNIGHT)
        assert held is not None
        assert (held.verdict, held.reason, held.owed_fen) == (Verdict.HOLD, Reason.DEBT, 500)
        await on.debtors.put(GARAGE, plate, None)
        free = await foresee(on.sessions, enters, garage, MIDNIGHT)
        assert free is not None
        assert free.verdict is Verdict.OPEN
