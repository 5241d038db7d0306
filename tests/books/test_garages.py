"""Garages and their price lists in real books, and the catalog made of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from gateways.tariff_file import load_schedules
from parking.catalog import secret_digest
from parking.errors import Conflict, InvalidInput, NotFound
from parking.garage import Direction, LeaveFirst, Policy
from parking.ids import ControllerId, GarageId, LaneId
from parking.tariff import version_id_of
from settlement.books.pool import open_pool
from settlement.books.tokens import Tokens
from tests.books.operating import GARAGE, NOON, PARTITIONS, garage_record, garages_of, tariff_version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

SHIPPED = Path(__file__).parents[2] / "config" / "tariffs"


@pytest_asyncio.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(postgres_dsn, size=3, application_name="test") as opened:
        yield opened


async def test_a_garage_comes_back_as_it_was_put(pool: asyncpg.Pool) -> None:
    garages = garages_of(pool)
    policy = Policy(leave_first=LeaveFirst.EVERYONE, turn_back_within=timedelta(minutes=7))
    put = garage_record(policy=policy, tariffs=(tariff_version(400), tariff_version(500, days=30)))
    await garages.put(put, NOON)
    assert await garages.one(GARAGE) == put
    assert await garages.all() == [put]


async def test_putting_again_replaces_lanes_and_keeps_the_price_list(pool: asyncpg.Pool) -> None:
    garages = garages_of(pool)
    await garages.put(garage_record(tariffs=(tariff_version(),)), NOON)
    lanes = {LaneId("out-1"): Direction.BOTH, LaneId("in-2"): Direction.ENTRY}
    await garages.put(garage_record(spaces=7, lanes=lanes), NOON)
    found = await garages.one(GARAGE)
    assert (found.spaces, dict(found.lanes), found.tariffs) == (7, lanes, (tariff_version(),))


async def test_every_change_of_what_gates_must_know_raises_the_revision(pool: asyncpg.Pool) -> None:
    garages, tokens = garages_of(pool), Tokens(pool)
    seen = [await garages.revision()]
    await garages.put(garage_record(tariffs=(tariff_version(),)), NOON)
    seen.append(await garages.revision())
    await garages.add_tariffs(GARAGE, [tariff_version(500, days=400)], NOON)
    seen.append(await garages.revision())
    await tokens.add_controller(
        "t1",
        secret_digest("s"),
        garage_id=GARAGE,
        controller_id=ControllerId("c1"),
        lane_ids=[LaneId("in-1")],
        label="x",
        now=NOON,
    )
    seen.append(await garages.revision())
    await tokens.revoke("t1", NOON)
    seen.append(await garages.revision())
    assert seen == sorted(set(seen))


async def test_a_tariff_on_record_is_never_replaced(pool: asyncpg.Pool) -> None:
    garages = garages_of(pool)
    await garages.put(garage_record(tariffs=(tariff_version(400),)), NOON)
    revision = await garages.revision()
    with pytest.raises(Conflict):
        await garages.add_tariffs(GARAGE, [tariff_version(900)], NOON)
    with pytest.raises(Conflict):
        await garages.put(garage_record(spaces=9, tariffs=(tariff_version(900),)), NOON)
    found = await garages.one(GARAGE)
    assert (found.spaces, found.tariffs) == (100, (tariff_version(400),))
    assert await garages.revision() == revision


async def test_adding_the_same_tariff_again_changes_nothing(pool: asyncpg.Pool) -> None:
    garages = garages_of(pool)
    await garages.put(garage_record(), NOON)
    await garages.add_tariffs(GARAGE, [tariff_version()], NOON)
    revision = await garages.revision()
    await garages.add_tariffs(GARAGE, [tariff_version()], NOON)
    assert await garages.revision() == revision


async def test_of_several_tariffs_all_come_into_force_or_none(pool: asyncpg.Pool) -> None:
    garages = garages_of(pool)
    await garages.put(garage_record(tariffs=(tariff_version(500, days=1),)), NOON)
    revision = await garages.revision()
    with pytest.raises(Conflict, match="on record from"):
        await garages.add_tariffs(GARAGE, [tariff_version(400), tariff_version(900, days=1)], NOON)
    assert (await garages.one(GARAGE)).tariffs == (tariff_version(500, days=1),)
    assert await garages.revision() == revision
    await garages.add_tariffs(GARAGE, [tariff_version(600, days=2), tariff_version(400)], NOON)
    assert len((await garages.one(GARAGE)).tariffs) == 3


async def test_a_tariff_needs_its_garage(pool: asyncpg.Pool) -> None:
    with pytest.raises(NotFound):
        await garages_of(pool).add_tariffs(GarageId("nowhere"), [tariff_version()], NOON)
    with pytest.raises(NotFound):
        await garages_of(pool).one(GarageId("nowhere"))


async def test_every_tariff_ever_used_is_known_by_its_id(pool: asyncpg.Pool) -> None:
    garages = garages_of(pool)
    versions = (tariff_version(400), tariff_version(500, days=1))
    await garages.put(garage_record(tariffs=versions), NOON)
    await garages.put(garage_record("g2", tariffs=versions[:1]), NOON)
    assert await garages.tariffs() == {version_id_of(one.tariff): one.tariff for one in versions}


async def test_the_catalog_holds_garages_with_a_price_list_and_their_controllers(pool: asyncpg.Pool) -> None:
    garages, tokens = garages_of(pool), Tokens(pool)
    priced = garage_record(tariffs=(tariff_version(),))
    await garages.put(priced, NOON)
    await garages.put(garage_record("unpriced"), NOON)
    for token_id, garage_id in (("t1", "g1"), ("t2", "unpriced"), ("t3", "g1")):
        await tokens.add_controller(
            token_id,
            secret_digest(f"secret {token_id}"),
            garage_id=GarageId(garage_id),
            controller_id=ControllerId("c1"),
            lane_ids=[LaneId("in-1"), LaneId("out-1")],
            label="x",
            now=NOON,
        )
    await tokens.revoke("t3", NOON)
    await garages.put(replace(priced, lanes={LaneId("in-1"): Direction.ENTRY}), NOON)
    catalog = await garages.load_catalog()
    assert catalog.partition_count == PARTITIONS
    assert catalog.revision == await garages.revision()
    assert list(catalog.garages) == ["g1"]
    assert list(catalog.controllers) == ["t1"]
    controller = catalog.controllers["t1"]
    assert controller.holds("secret t1")
    assert not controller.holds("secret t2")
    assert controller.lane_ids == {"in-1"}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("currency", {"currency": "EUR"}),
    ],
)
async def test_a_price_list_that_gates_and_books_would_not_follow_is_refused(
    pool: asyncpg.Pool, field: str, change: dict[str, Any]
) -> None:
    garages = garages_of(pool)
    await garages.put(garage_record(), NOON)
    version = tariff_version()
    beyond = replace(version, tariff=replace(version.tariff, **change))
    for refused in (
        garages.add_tariffs(GARAGE, [beyond], NOON),
        garages.put(garage_record(tariffs=(beyond,)), NOON),
    ):
        with pytest.raises(InvalidInput) as said:
            await refused
        assert said.value.fields == (field,)


async def test_everything_a_price_list_can_say_is_read_back_as_it_was(pool: asyncpg.Pool) -> None:
    garages = garages_of(pool)
    await garages.put(garage_record(), NOON)
    lists = [one for one in load_schedules(SHIPPED).values() if one.versions[-1].tariff.currency == "CNY"]
    for number, schedule in enumerate(lists):
        moment = NOON + timedelta(days=number)
        version = replace(schedule.versions[-1], in_force_from=moment)
        await garages.add_tariffs(GARAGE, [version], NOON)
    known = await garages.tariffs()
    assert len(lists) >= 7
    for schedule in lists:
        tariff = schedule.versions[-1].tariff
        assert known[version_id_of(tariff)] == tariff
