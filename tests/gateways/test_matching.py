"""The matcher among failures: it may die at any moment, and others may be faster."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from typing_extensions import override

from gateways.matching import matcher_of, reorderer_of
from gateways.settings import Settings
from parking.backlog import answer_backlog
from parking.desk import Desk
from parking.errors import LeaveFirstError, Unavailable
from parking.event import GateEvent, Kind
from parking.ids import EventId, LaneId
from parking.live.sessions import Sessions
from parking.plate import Colour, parse_plate
from settlement.books.unmatched import PostgresUnmatchedBooks
from settlement.observe import SilentObserver
from tests.books.operating import GARAGE, NOON, PARTITIONS
from tests.gateways.operator_desk import Front, item_path, open_front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from parking.ids import GarageId
    from settlement.matcher import Matcher
    from settlement.review import Resolution, ReviewItem

CAR = "浙A12348"
LAST_MOMENT = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    async with open_front(postgres_dsn, valkey_url) as opened:
        yield opened


class DyingBooks(PostgresUnmatchedBooks):
    """Real books whose process dies ``times`` before an item is settled."""

    times = 1

    @override
    async def settle(self, item: ReviewItem, resolution: Resolution, *, note: str, now: datetime) -> None:
        if self.times:
            self.times -= 1
            raise Unavailable("the process died")
        await super().settle(item, resolution, note=note, now=now)


@dataclass(slots=True)
class Watch(SilentObserver):
    """Remembers what held a loop up."""

    errors: list[LeaveFirstError] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    def loop_held_up(self, *, loop: str, error: LeaveFirstError, retry_in_s: float) -> None:
        self.errors.append(error)
        self.told.set()


def a_matcher(front: Front) -> Matcher:
    return matcher_of(Settings(), front.operator, front.pool, front.journal, SilentObserver())


async def left_unsurely(front: Front, *others: str) -> str:
    """A car leaves on an unsure read, ``others`` stay inside; two minutes go by. The item's id."""
    for number in (CAR, *others):
        await front.event(Kind.ENTRY, number)
    await front.event(Kind.EXIT, CAR, minutes=60, confidence=0.5)
    await front.settle()
    front.clock.moment += timedelta(minutes=2)
    (item,) = (await front.ask("GET", "/v1/quarantine"))["items"]
    return str(item["item_id"])


async def resolution(front: Front, item_id: str) -> str | None:
    found: str | None = (await front.ask("GET", item_path(item_id)))["resolution"]
    return found


async def bills(front: Front) -> list[tuple[str, int]]:
    rows = await front.pool.fetch("SELECT number, amount_fen FROM bill")
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("others", [(), ("浙A1Z34B",)])
@pytest.mark.parametrize("booked", [True, False])
async def test_a_death_between_closing_and_settling_charges_one_car_once(
    front: Front, others: tuple[str, ...], *, booked: bool
) -> None:
    item_id = await left_unsurely(front, *others)
    dying = replace(a_matcher(front), books=DyingBooks(front.pool, partition_count=PARTITIONS))
    with pytest.raises(Unavailable):
        await dying.step()
    if booked:
        await front.settle()
    await a_matcher(front).step()
    await front.settle()
    front.clock.moment += timedelta(minutes=15)
    await a_matcher(front).step()
    assert await resolution(front, item_id) == "candidate"
    await front.settle()
    assert await bills(front) == [(CAR, 800)]


@pytest.mark.parametrize("left_at", [NOON + timedelta(hours=5), LAST_MOMENT], ids=str)
async def test_a_visit_that_is_reported_from_the_future_is_a_persons(front: Front, left_at: datetime) -> None:
    garage = (await front.operator.garages.one(GARAGE)).garage
    assert garage is not None
    desk = Desk(front.operator.sessions, front.clock)
    for kind, at in ((Kind.ENTRY, left_at - timedelta(hours=2)), (Kind.EXIT, left_at)):
        await desk.answer(replace(surely_read(kind, CAR, at), offline=True), garage)
    await front.settle()
    reorderer = reorderer_of(Settings(), front.operator, front.pool, front.journal, SilentObserver())
    for _ in range(2):
        front.clock.moment += timedelta(minutes=3)
        assert (await reorderer.step(), await a_matcher(front).step()) == (0, 0)
    assert await bills(front) == []
    assert len((await front.ask("GET", "/v1/quarantine"))["items"]) == 2


async def test_a_person_and_the_matcher_close_one_car(front: Front) -> None:
    item_id = await left_unsurely(front)
    async with asyncio.TaskGroup() as tasks:
        person = tasks.create_task(
            front.answer("POST", f"{item_path(item_id)}/resolve", json={"action": "match", "plate": CAR})
        )
        tasks.create_task(a_matcher(front).step())
    assert person.result().status in {200, 409}
    await front.settle()
    assert await resolution(front, item_id) in {"match", "candidate"}
    assert await bills(front) == [(CAR, 800)]


async def test_a_person_has_matched_another_car_and_that_stands(front: Front) -> None:
    item_id = await left_unsurely(front, "浙A77777")
    await front.ask("POST", f"{item_path(item_id)}/resolve", json={"action": "match", "plate": "浙A77777"})
    assert await a_matcher(front).step() == 0
    await front.settle()
    assert await bills(front) == [("浙A77777", 800)]


async def test_nobody_is_matched_while_the_biller_is_behind(front: Front) -> None:
    item_id = await left_unsurely(front)

    async def behind() -> timedelta:
        return timedelta(seconds=6)

    matcher = a_matcher(front)
    assert await replace(matcher, behind=behind).step() == 0
    assert await resolution(front, item_id) is None
    assert await matcher.step() == 1
    assert await resolution(front, item_id) == "candidate"


async def test_who_looks_at_an_item_sees_the_nearest_cars(front: Front) -> None:
    item_id = await left_unsurely(front, "湘A12348", "苏E77777")
    await a_matcher(front).step()
    finding = (await front.ask("GET", item_path(item_id)))["finding"]
    assert finding["reason"] == "ambiguous"
    assert [(car["number"], car["distance"]) for car in finding["cars"]] == [(CAR, 0), ("湘A12348", 4)]


class Leaving(Sessions):
    """Many cars leave once their garage has been asked for some of those inside."""

    leave: Callable[[], Awaitable[None]]

    @override
    async def inside(self, garage_id: GarageId) -> AsyncIterator[list[str]]:
        pages = 0
        async for page in super().inside(garage_id):
            yield page
            if not pages:
                await self.leave()
            pages += 1
        assert pages > 1


async def test_a_car_is_compared_though_others_leave_while_it_is_asked_who_is_inside(front: Front) -> None:
    parked = [f"浙B{number:05}" for number in range(1_200)]
    await all_pass(front, Kind.ENTRY, parked, NOON + timedelta(minutes=45))
    await all_pass(front, Kind.ENTRY, [CAR], NOON + timedelta(minutes=46))
    await front.event(Kind.EXIT, CAR, minutes=60, confidence=0.5)
    await front.settle()
    front.clock.moment += timedelta(minutes=2)
    sessions = Leaving(front.live, partition_count=PARTITIONS)
    sessions.leave = partial(all_pass, front, Kind.EXIT, parked[:300], NOON + timedelta(minutes=50))
    await replace(a_matcher(front), sessions=sessions).step()
    await front.settle()
    assert await front.operator.sessions.occupancy(GARAGE) == 900
    (resolved,) = await front.pool.fetch("SELECT resolution FROM quarantine")
    assert resolved["resolution"] == "candidate"


def surely_read(kind: Kind, number: str, at: datetime) -> GateEvent:
    return GateEvent(
        event_id=EventId(f"{kind}-{number}"),
        garage_id=GARAGE,
        lane_id=LaneId("in-1" if kind is Kind.ENTRY else "out-1"),
        kind=kind,
        captured_at=at,
        plate=parse_plate(number, Colour.BLUE),
        confidence=1.0,
    )


async def all_pass(front: Front, kind: Kind, numbers: Sequence[str], at: datetime) -> None:
    """All at once, as a garage reports what it kept."""
    garage = (await front.operator.garages.one(GARAGE)).garage
    assert garage is not None
    events = [surely_read(kind, number, at) for number in numbers]
    front.clock.moment = max(front.clock.moment, at)
    desk = Desk(front.operator.sessions, front.clock)
    await answer_backlog(desk, events, garage, deadline=nullcontext)


async def test_the_loop_goes_on_when_a_store_was_away(front: Front) -> None:
    item_id = await left_unsurely(front)
    matcher, watch = a_matcher(front), Watch()
    books = DyingBooks(front.pool, partition_count=PARTITIONS)
    quick = replace(matcher.settings, every_s=0.01, again_after=timedelta(0))
    loop = replace(matcher, books=books, observer=watch, settings=quick)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(loop.run())
        await watch.told.wait()
        await front.settle()
        while await resolution(front, item_id) is None:
            front.clock.moment += timedelta(minutes=1)
            await asyncio.sleep(0.02)
        running.cancel()
    assert len(watch.errors) == 1
