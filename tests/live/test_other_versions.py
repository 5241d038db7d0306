"""What a newer version wrote: said to be unreadable here, never mistaken, and no end of a process."""

from __future__ import annotations

from datetime import timedelta

import pytest

from parking.clock import to_ms
from parking.errors import Defect
from parking.event import Kind
from parking.live.keys import Keys
from tests.scenarios.stage import GARAGE, MIDNIGHT, PARTITIONS, Stage, an_event, garage_of, stage

LEAVING = an_event("e2", Kind.EXIT, at=MIDNIGHT + timedelta(minutes=1))
KEYS = Keys(PARTITIONS).of(GARAGE)


async def one_inside(on: Stage) -> str:
    await on.desk.answer(an_event(), garage_of())
    on.clock.moment = MIDNIGHT + timedelta(minutes=1)
    return KEYS.car(an_event().plate.number)


async def test_a_grant_of_an_unknown_kind_is_none_and_the_policy_decides(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        car = await one_inside(on)
        await on.live.call("HSET", car, "g", f"1;5000;vip;{to_ms(MIDNIGHT) + 10**9};")
        found = await on.sessions.find(GARAGE, LEAVING.plate.number)
        assert found.session is not None
        assert found.grant is None


@pytest.mark.parametrize("facts", ["{}", '{"n":"","o":"blue"}', "[1]"])
async def test_a_session_that_cannot_be_read_is_a_defect(valkey_url: str, facts: str) -> None:
    async with stage(valkey_url) as on:
        await on.live.call("HSET", await one_inside(on), "f", facts)
        with pytest.raises(Defect):
            await on.desk.answer(LEAVING, garage_of())


async def test_an_answer_that_cannot_be_read_is_a_defect(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        await one_inside(on)
        await on.live.call("SET", KEYS.event(LEAVING.event_id), f"{LEAVING.digest()};open;vip;0;0;")
        with pytest.raises(Defect):
            await on.desk.answer(LEAVING, garage_of())
