"""What a barrier was told reaches the books and the operator, and delays nobody on its way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateways.barrier_keeper import carry
from gateways.device_secrets import seal, unseal
from parking.barrier import BarrierAct, BarrierRecord, GateOutcome
from parking.errors import Unavailable
from parking.ids import ControllerId, GarageId, LaneId
from parking.live.barrier_log import append_records, waiting_records
from settlement.books.barriers import Barriers, RecordPlace
from settlement.books.pool import open_pool
from settlement.books.review import Reviews
from tests.scenarios.stage import MIDNIGHT, PARTITIONS, live_connection

if TYPE_CHECKING:
    from pathlib import Path

OPENED = BarrierRecord(
    garage_id=GarageId("G1"),
    lane_id=LaneId("out-1"),
    controller_id=ControllerId("c1"),
    at=MIDNIGHT,
    act=BarrierAct.OPEN,
    outcome=GateOutcome.REJECTED,
    event_id="e1",
    reason="granted",
    command="by a command",
    said="locked",
)
TAILGATED = replace(OPENED, act=BarrierAct.TAILGATED, outcome=GateOutcome.MOVED, event_id="", reason="")


async def test_records_reach_the_books_once_and_leave_the_live_store(
    valkey_url: str, postgres_dsn: str
) -> None:
    async with (
        live_connection(valkey_url) as live,
        open_pool(postgres_dsn, size=1, application_name="test") as pool,
    ):
        barriers = Barriers(pool, partition_count=PARTITIONS)
        await append_records(live, [OPENED, TAILGATED, OPENED])
        await live.call("XADD", "lf:barriers", "*", "r", "of a newer version")
        assert await carry(live, barriers) == 4
        assert await waiting_records(live, 10) == {}
        await append_records(live, [OPENED])
        assert await carry(live, barriers) == 1

        found = await barriers.of_garage(OPENED.garage_id, limit=10)
        assert sorted(found, key=lambda one: one.act) == [OPENED, TAILGATED]
        assert await barriers.of_garage(OPENED.garage_id, act=BarrierAct.OPEN, limit=10) == [OPENED]
        assert await barriers.of_garage(OPENED.garage_id, lane_id=LaneId("in-1"), limit=10) == []
        place = RecordPlace(at=found[0].at, record_id=found[0].record_id)
        assert await barriers.of_garage(OPENED.garage_id, before=place, limit=10) == found[1:]

        # Who drove in behind another is looked at by a person, once.
        (item,) = await Reviews(pool).open_items(garage_id="G1", cause=None, limit=10)
        assert (item.cause, item.details["lane_id"], item.opened_at) == ("tailgated", "out-1", MIDNIGHT)

        await barriers.forget(MIDNIGHT)
        assert len(await barriers.of_garage(OPENED.garage_id, limit=10)) == 2
        await barriers.forget(MIDNIGHT.replace(hour=1))
        assert await barriers.of_garage(OPENED.garage_id, limit=10) == []


def test_a_sealed_password_opens_with_its_key_alone(tmp_path: Path) -> None:
    sealed = seal(tmp_path / "a" / "key", "s3cret")
    assert "s3cret" not in sealed
    assert (tmp_path / "a" / "key").stat().st_mode & 0o077 == 0
    assert unseal(tmp_path / "a" / "key", sealed) == "s3cret"
    with pytest.raises(Unavailable):
        unseal(tmp_path / "none", sealed)
    seal(tmp_path / "b", "x")
    with pytest.raises(Unavailable):
        unseal(tmp_path / "b", sealed)
