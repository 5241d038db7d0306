"""Access tokens in real books."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from parking.catalog import secret_digest
from parking.errors import Conflict, InvalidInput, NotFound
from parking.ids import ControllerId, GarageId, LaneId
from settlement.books.pool import open_pool
from settlement.books.tokens import TokenKind, Tokens
from tests.books.operating import GARAGE, NOON, garage_record, garages_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

DIGEST = secret_digest("secret")


@pytest_asyncio.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(postgres_dsn, size=3, application_name="test") as opened:
        yield opened


async def add_controller(tokens: Tokens, garage_id: str = GARAGE, *lanes: str) -> None:
    await tokens.add_controller(
        "t1",
        DIGEST,
        garage_id=GarageId(garage_id),
        controller_id=ControllerId("c1"),
        lane_ids=[LaneId(lane) for lane in lanes or ("in-1",)],
        label="camera",
        now=NOON,
    )


async def test_a_controller_needs_a_garage_and_its_lanes(pool: asyncpg.Pool) -> None:
    tokens = Tokens(pool)
    with pytest.raises(NotFound):
        await add_controller(tokens)
    await garages_of(pool).put(garage_record(), NOON)
    with pytest.raises(InvalidInput):
        await add_controller(tokens, GARAGE, "in-1", "roof")
    assert await tokens.all() == []
    await add_controller(tokens)
    with pytest.raises(Conflict):
        await add_controller(tokens)
    (record,) = await tokens.all()
    assert (record.kind, record.garage_id, record.lane_ids) == (TokenKind.CONTROLLER, "g1", ("in-1",))


async def test_a_garage_without_lanes_has_no_controller(pool: asyncpg.Pool) -> None:
    await garages_of(pool).put(garage_record(lanes={}), NOON)
    with pytest.raises(InvalidInput):
        await add_controller(Tokens(pool))


async def test_operators_are_those_in_force(pool: asyncpg.Pool) -> None:
    tokens = Tokens(pool)
    await tokens.add_operator("r", DIGEST, kind=TokenKind.OPERATOR_READ, label="desk", now=NOON)
    await tokens.add_operator("f", DIGEST, kind=TokenKind.OPERATOR_FULL, label="boss", now=NOON)
    assert {one.token_id: one.kind for one in (await tokens.persons()).values()} == {
        "r": TokenKind.OPERATOR_READ,
        "f": TokenKind.OPERATOR_FULL,
    }
    await tokens.revoke("f", NOON)
    assert list(await tokens.persons()) == ["r"]
    assert len(await tokens.all()) == 2


async def test_revoking_again_keeps_the_first_moment(pool: asyncpg.Pool) -> None:
    tokens = Tokens(pool)
    await tokens.add_operator("r", DIGEST, kind=TokenKind.OPERATOR_READ, label="desk", now=NOON)
    assert await tokens.revoke("r", NOON) == NOON
    assert await tokens.revoke("r", NOON + timedelta(days=1)) == NOON
    with pytest.raises(NotFound):
        await tokens.revoke("x", NOON)


async def test_an_operator_is_no_controller(pool: asyncpg.Pool) -> None:
    with pytest.raises(InvalidInput):
        await Tokens(pool).add_operator("r", DIGEST, kind=TokenKind.CONTROLLER, label="x", now=NOON)
