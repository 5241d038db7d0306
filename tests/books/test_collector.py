"""The collector at work, with real books and a rail that misbehaves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from parking.errors import Defect, InvalidInput
from settlement.charge import Direction
from settlement.collector import CollectorSettings
from tests.books.charging import RAIL, ChargeBooks, HandClock, ScriptedRail, open_books
from tests.books.collecting import (
    DAY,
    HOUR,
    MINUTE,
    QUICK,
    SCHEDULE,
    WAIT_S,
    FlakyBooks,
    Watch,
    a_collector,
    killed,
    running,
    until,
    until_states,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from settlement.rail import Rail


@pytest_asyncio.fixture
async def books(postgres_dsn: str) -> AsyncIterator[ChargeBooks]:
    async with open_books(postgres_dsn) as opened:
        yield opened


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def rail() -> ScriptedRail:
    return ScriptedRail()


async def test_what_is_due_is_charged_and_booked(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(300)
    async with running(a_collector(books.charges, {RAIL: rail}, clock)):
        await until_states(books, paid=300)
    assert set(rail.captured.values()) == {1}
    assert rail.under_way_max <= QUICK.calls_max
    assert await books.balances() == {"rail_clearing": 300_000, "garage_payable": -300_000}


async def test_a_slow_call_holds_up_no_other(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(10, agreement="waits")
    await books.add(100, first=100)
    async with running(
        a_collector(books.charges, {RAIL: rail}, clock, settings=replace(QUICK, call_deadline_s=WAIT_S))
    ):
        await until_states(books, paid=100, sent=10)
        rail.released.set()
        await until_states(books, paid=110)


async def test_a_rail_that_hangs_holds_up_no_other_rail(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(5, agreement="hangs")
    await books.add(50, first=100, rail="other")
    settings = replace(QUICK, calls_max=2, call_deadline_s=WAIT_S)
    rails: dict[str, Rail] = {RAIL: rail, "other": ScriptedRail()}
    async with killed(a_collector(books.charges, rails, clock, settings=settings)):
        await until_states(books, paid=50, sent=2, due=3)


async def test_an_unknown_outcome_is_asked_about_when_its_time_has_come_and_not_charged_again(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(20, agreement="hides")
    async with running(a_collector(books.charges, {RAIL: rail}, clock)):
        await until_states(books, in_doubt=20)
        assert not rail.asked
        clock.advance(MINUTE)
        await until_states(books, paid=20)
    assert set(rail.captured.values()) == set(rail.sent.values()) == {1}


async def test_a_call_beyond_its_deadline_is_a_doubt(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(3, agreement="hangs")
    async with running(a_collector(books.charges, {RAIL: rail}, clock)):
        await until_states(books, in_doubt=3)
        clock.advance(MINUTE)
        await until_states(books, paid=3)
    assert set(rail.captured.values()) == {1}


async def test_a_rail_that_raises_is_a_doubt_and_stops_nothing(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(1, agreement="raises")
    async with running(a_collector(books.charges, {RAIL: rail}, clock)):
        await until_states(books, in_doubt=1)
        await books.add(1, first=10)
        await until_states(books, in_doubt=1, paid=1)


async def test_what_was_never_received_is_sent_again_under_its_key(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(5, agreement="drops")
    async with running(a_collector(books.charges, {RAIL: rail}, clock)):
        await until_states(books, in_doubt=5)
        clock.advance(MINUTE)
        await until_states(books, paid=5)
    assert list(rail.sent.values()) == [2] * 5
    assert set(rail.captured.values()) == {1}


async def test_declines_follow_the_schedule(books: ChargeBooks, rail: ScriptedRail, clock: HandClock) -> None:
    await books.add(1, agreement="soft", first=1)
    await books.add(1, agreement="hard", first=2)
    await books.add(1, agreement="soft-once", first=3)
    async with running(a_collector(books.charges, {RAIL: rail}, clock)):
        await until_states(books, due=2, unpaid=1)
        clock.advance(HOUR)
        await until_states(books, due=1, unpaid=1, paid=1)
        clock.advance(DAY)
        await until_states(books, unpaid=2, paid=1)
    assert len(rail.sent) == 3 + 1 + 2


async def test_an_accepted_charge_is_asked_about_until_it_is_paid(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(4, agreement="accepts")
    async with running(a_collector(books.charges, {RAIL: rail}, clock)):
        await until_states(books, accepted=4)
        clock.advance(MINUTE)
        await until_states(books, paid=4)


async def test_asking_in_vain_ends_with_a_person(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    watch = Watch()
    await books.add(2, agreement="mute")
    async with running(a_collector(books.charges, {RAIL: rail}, clock, watch=watch)):
        await until_states(books, in_doubt=2)
        for number, wait in enumerate(SCHEDULE.questions, start=1):
            clock.advance(wait)
            await until(partial(decided_is, watch, 2 * (1 + number)))
        await until_states(books, review=2)
    assert set(rail.sent.values()) == {1}


async def test_another_amount_is_asked_about_at_once_and_then_goes_to_a_person(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(1, agreement="short")
    async with running(a_collector(books.charges, {RAIL: rail}, clock)):
        await until_states(books, review=1)


async def test_a_lease_that_runs_out_during_a_call_asks_nothing(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    settings = replace(QUICK, call_deadline_s=1.0)
    async with running(a_collector(books.charges, {RAIL: rail}, clock, settings=settings)):
        await asyncio.sleep(settings.call_deadline_s + 0.1)  # from here on it asks about what was sent
        await books.add(5, agreement="waits")
        await until_states(books, sent=5)
        for _ in range(20):
            clock.advance(2 * settings.lease)
            await asyncio.sleep(0.02)
        assert await books.states() == {"sent": 5}
        rail.released.set()
        await until_states(books, paid=5)
    assert not rail.asked


async def test_what_somebody_else_has_sent_is_left_alone_at_first(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(3)
    await books.charges.claim(RAIL, now=clock.now(), claimed_max=3, lease=QUICK.lease)
    clock.advance(QUICK.lease)
    settings = replace(QUICK, call_deadline_s=0.6)
    async with running(a_collector(books.charges, {RAIL: rail}, clock, settings=settings)):
        await asyncio.sleep(0.3)
        assert await books.states() == {"sent": 3}
        await until_states(books, paid=3)


async def test_a_call_that_ended_in_a_doubt_rests_before_it_is_asked_about(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(1, agreement="drops")
    async with running(a_collector(books.charges, {RAIL: rail}, clock, settings=replace(QUICK, rest_s=0.5))):
        await until_states(books, in_doubt=1)
        clock.advance(DAY)
        await asyncio.sleep(0.2)
        assert not rail.asked
        await until_states(books, paid=1)


async def test_stopping_books_what_is_under_way(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(10, agreement="waits")
    await books.add(10, agreement="hangs", first=100)
    async with running(a_collector(books.charges, {RAIL: rail}, clock)):
        await until_states(books, sent=20)
        rail.released.set()
    assert await books.states() == {"paid": 10, "in_doubt": 10}


async def test_a_process_that_dies_with_calls_under_way_charges_nobody_twice(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(20, agreement="hangs")
    settings = replace(QUICK, call_deadline_s=WAIT_S)
    async with killed(a_collector(books.charges, {RAIL: rail}, clock, settings=settings)):
        await until(lambda: captured_is(rail, 20))
    await books.add(20, first=100)
    taken = await books.charges.claim(RAIL, now=clock.now(), claimed_max=100, lease=QUICK.lease)
    assert len(taken) == 20
    assert await books.states() == {"sent": 40}
    clock.advance(QUICK.lease)
    async with running(a_collector(books.charges, {RAIL: rail}, clock)):
        await until_states(books, paid=40)
    assert list(rail.captured.values()) == [1] * 40
    assert list(rail.sent.values()) == [1] * 40
    assert len(await books.attempts()) == 40


async def test_two_collectors_share_the_work(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    await books.add(200)
    async with (
        running(a_collector(books.charges, {RAIL: rail}, clock)),
        running(a_collector(books.charges, {RAIL: rail}, clock)),
    ):
        await until_states(books, paid=200)
    assert set(rail.sent.values()) == {1}


async def test_a_credited_bill_that_is_paid_after_all_is_given_back(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    ids = await books.add(5, agreement="waits")
    async with running(
        a_collector(books.charges, {RAIL: rail}, clock, settings=replace(QUICK, call_deadline_s=WAIT_S))
    ):
        await until_states(books, sent=5)
        for charge_id in ids:
            await books.credit(charge_id)
        rail.released.set()
        await until_states(books, paid=10)
    assert sum(count for (way, _), count in rail.captured.items() if way is Direction.REFUND) == 5
    assert await books.balances() == {}


async def test_books_that_are_away_delay_outcomes_and_lose_none(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    flaky, watch = FlakyBooks(books.charges, away=True), Watch()
    await books.add(30)
    async with running(a_collector(flaky, {RAIL: rail}, clock, watch=watch)):
        await until(lambda: hindered(watch, 3))
        assert await books.states() == {"sent": 30}
        flaky.away = False
        await until_states(books, paid=30)
    assert set(rail.sent.values()) == {1}


async def test_one_move_that_the_books_refuse_stops_no_other(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    (poisoned, *_) = await books.add(10)
    flaky, watch = FlakyBooks(books.charges, poisoned=poisoned), Watch()
    async with running(a_collector(flaky, {RAIL: rail}, clock, watch=watch)):
        await until_states(books, paid=9, sent=1)
    assert any(isinstance(error, Defect) for error in watch.errors)


def test_a_lease_must_outlast_a_call() -> None:
    with pytest.raises(InvalidInput):
        CollectorSettings(lease=timedelta(seconds=5))


async def test_books_that_stay_away_do_not_keep_the_collector_from_stopping(
    books: ChargeBooks, rail: ScriptedRail, clock: HandClock
) -> None:
    flaky, watch = FlakyBooks(books.charges, away=True), Watch()
    await books.add(3)
    settings = replace(QUICK, drain_timeout_s=0.1)
    async with running(a_collector(flaky, {RAIL: rail}, clock, settings=settings, watch=watch)):
        await until(lambda: hindered(watch, 1))
    assert await books.states() == {"sent": 3}


async def decided_is(watch: Watch, count: int) -> bool:
    return len(watch.decisions) == count


async def captured_is(rail: ScriptedRail, count: int) -> bool:
    return rail.captured.total() == count


async def hindered(watch: Watch, count: int) -> bool:
    return len(watch.errors) >= count
