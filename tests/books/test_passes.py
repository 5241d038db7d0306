"""A pass's places hold one car each, whoever asks at once; what ends unseen is freed all the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from parking.errors import Conflict, InvalidInput, NotFound
from parking.ids import partition_of
from settlement.books.passes import Passes
from settlement.passes import Held, Pass, WhenPlaceFrees, covered_by
from tests.books.billing import Office, open_office
from tests.books.records import GARAGE, MORNING, Car

if TYPE_CHECKING:
    from parking.session import Session

COUNT = 64
MONTH = timedelta(days=30)
HOUR = timedelta(hours=1)
CARS = [Car(name) for name in ("a", "b", "c", "d")]
SHARED = Pass(
    pass_id="m1",  # noqa: S106 - one for parking
    garage_id=GARAGE,
    name="monthly",
    plates=tuple(car.session.plate for car in CARS),
    places=2,
    valid_from=MORNING,
    valid_until=MORNING + MONTH,
)


async def put(office: Office, given: Pass = SHARED) -> Passes:
    await office.pool.execute(
        "INSERT INTO garage (partition, garage_id, name, spaces, policy, added_at)"
        " VALUES ($1, $2, '', 1, '{}', $3)"
        " ON CONFLICT DO NOTHING",
        partition_of(GARAGE, COUNT), GARAGE, MORNING,
    )  # fmt: skip
    passes = Passes(office.pool, partition_count=COUNT)
    await passes.put(given, by="ann", now=MORNING)
    return passes


async def covered(passes: Passes, *sessions: Session) -> list[bool]:
    return [bool(one) for one in await passes.of(sessions, MORNING)]


async def test_all_that_ask_at_once_share_the_places_and_no_more(postgres_dsn: str) -> None:
    async with open_office(postgres_dsn) as office:
        passes = await put(office)
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(passes.of([car.session], MORNING)) for _ in range(5) for car in CARS]
        assert len(asked) == 20
        rows = await office.pool.fetch("SELECT place FROM pass_place WHERE freed_at IS NULL")
        assert sorted(row["place"] for row in rows) == [1, 2]
        assert sum(await covered(passes, *(car.session for car in CARS))) == 2
        assert len((await passes.one(GARAGE, "m1")).session_ids) == 2


async def test_asking_again_changes_nothing(postgres_dsn: str) -> None:
    async with open_office(postgres_dsn) as office:
        passes = await put(office)
        sessions = [car.session for car in CARS]
        first = await passes.of(sessions, MORNING)
        assert await passes.of(sessions, MORNING) == first
        assert await office.pool.fetchval("SELECT count(*) FROM pass_place") == 4


async def test_a_place_whose_stay_ended_unseen_is_freed_when_another_one_ends(postgres_dsn: str) -> None:
    async with open_office(postgres_dsn) as office:
        passes = await put(office, replace(SHARED, places=1, when_place_frees=WhenPlaceFrees.TAKES_PLACE))
        gone, waiting = Car("a"), Car("b")
        await passes.of([gone.session, waiting.session], MORNING)
        await office.post(gone.enters(), waiting.enters(), gone.leaves(HOUR))
        told = await passes.ended([(Car("z").session, MORNING)], MORNING + 2 * HOUR)
        assert [one.session_id for one in told] == [waiting.session.session_id]
        (given,) = await passes.of(told, MORNING + 2 * HOUR)
        assert [(one.since, one.until) for one in given.covered] == [(MORNING + HOUR, MORNING + MONTH)]


async def test_a_pass_is_changed_but_for_its_beginning(postgres_dsn: str) -> None:
    async with open_office(postgres_dsn) as office:
        passes = await put(office)
        longer = replace(SHARED, valid_until=MORNING + 2 * MONTH, plates=SHARED.plates[1:], places=7)
        assert await passes.put(longer, by="bob", now=MORNING) == [SHARED.plates[0].number]
        assert (await passes.one(GARAGE, "m1")).held == longer
        assert [one.held for one in await passes.list_of(GARAGE)] == [longer]
        with pytest.raises(Conflict):
            await passes.put(replace(SHARED, valid_from=MORNING - HOUR), by="bob", now=MORNING)
        with pytest.raises(NotFound):
            await passes.one(GARAGE, "m2")


@pytest.mark.parametrize(
    "wrong",
    [
        {"plates": ()},
        {"plates": (SHARED.plates[0], SHARED.plates[0])},
        {"places": 0},
        {"name": " "},
        {"valid_until": MORNING},
    ],
)
def test_a_pass_that_makes_no_sense_cannot_be_built(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        replace(SHARED, **wrong)


def test_places_cover_as_long_as_they_are_held_and_the_pass_is_valid() -> None:
    held = Held(
        name="m", valid_from=MORNING, valid_until=MORNING + 4 * HOUR, taken_at=MORNING - HOUR, freed_at=None
    )
    again = replace(held, taken_at=MORNING + 9 * HOUR)
    short = replace(held, freed_at=MORNING + HOUR)
    assert [(one.since, one.until) for one in covered_by([held, again])] == [(MORNING, MORNING + 4 * HOUR)]
    assert [(one.since, one.until) for one in covered_by([short])] == [(MORNING, MORNING + HOUR)]
