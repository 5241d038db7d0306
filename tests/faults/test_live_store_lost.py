"""The live store is emptied, or its folder deleted: the books put back what they know."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from parking.decision import Reason, Verdict
from parking.event import Kind
from parking.live.keys import Keys
from tests.faults.traffic import PARTITIONS, open_traffic
from tests.stores import valkey_command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from parking.ids import GarageId
    from tests.faults.service import Service

CARS = 24
PAID_FEN = 3_000


async def emptied(service: Service) -> None:
    assert valkey_command(service.valkey_url, "FLUSHALL") == "+OK"


async def deleted(service: Service) -> None:
    assert await service.serve.stop() == 0
    shutil.rmtree(service.folder / "valkey")
    await service.start()


@pytest.mark.parametrize("lost", [emptied, deleted])
async def test_the_same_cars_are_inside_after_a_rebuild(
    service: Service, lost: Callable[[Service], Awaitable[None]]
) -> None:
    async with open_traffic(service, cars=CARS, garage=lost.__name__) as traffic:
        came = await traffic.come(traffic.cars)
        assert {one.reason for one in came} == {Reason.ENTRY}
        sessions = {one.session_id for one in came}
        await traffic.settle()
        traffic.wait()
        await traffic.go(traffic.cars[:4])
        paying = traffic.event(Kind.EXIT, traffic.cars[4])
        (inside,) = [one for one in traffic.sent.values() if one.plate == traffic.cars[4]]
        paid_session = traffic.acknowledged[inside.event_id].session_id
        assert paid_session is not None
        await traffic.office.take_payment(paid_session, paying, PAID_FEN)
        await traffic.settle()

        await lost(service)
        assert occupancy(service, traffic.garage_id) == 0
        rebuilt = await service.command("rebuild", "--json")
        assert rebuilt.returncode == 0, rebuilt.stderr
        found = json.loads(rebuilt.stdout)
        assert (found["cars_inside"], found["cars_restored"]) == (CARS - 4, CARS - 4)
        assert found["answers_restored"] == found["answers"] >= CARS + 4
        assert found["known_until"] is not None
        assert occupancy(service, traffic.garage_id) == CARS - 4

        for event, answer in [(traffic.sent[key], traffic.acknowledged[key]) for key in list(traffic.sent)]:
            again = await traffic.controllers.report(event)
            assert again.replayed
            assert (again.verdict, again.reason, again.session_id, again.amount_fen) == (
                answer.verdict, answer.reason, answer.session_id, answer.amount_fen,
            )  # fmt: skip
        prepaid = await traffic.report(paying)
        assert (prepaid.verdict, prepaid.reason) == (Verdict.OPEN, Reason.PREPAID)
        left = await traffic.go(traffic.cars[5:])
        assert {(one.verdict, one.reason) for one in left} == {(Verdict.OPEN, Reason.GRANTED)}
        assert {one.session_id for one in left} <= sessions
        account = await traffic.close()
        account.assert_right()
        assert account.summary["sessions_inside"] == 0


def occupancy(service: Service, garage_id: GarageId) -> int:
    """Cars inside, as the live store has them."""
    counted = valkey_command(service.valkey_url, "ZCARD", Keys(PARTITIONS).of(garage_id).inside)
    return int(counted.removeprefix(":"))
