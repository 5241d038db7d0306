"""Barrier records in the books: what each opening was for, and what the gate said of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from parking.barrier import BarrierAct, BarrierRecord, GateOutcome
from parking.ids import ControllerId, GarageId, LaneId, partition_of
from settlement.books.pool import connection
from settlement.books.statements import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

__all__ = ["NEWEST", "Barriers", "RecordPlace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPlace:
    """A place in the order of records."""

    at: datetime
    record_id: UUID


NEWEST: Final = RecordPlace(at=datetime(9999, 1, 1, tzinfo=UTC), record_id=UUID(int=2**128 - 1))


class Barriers:
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count

    async def add(self, records: Sequence[BarrierRecord]) -> None:
        """Keep records; repeating it does no harm."""
        async with connection(self._pool) as held:
            await held.execute(
                sql("barriers/add"),
                [partition_of(one.garage_id, self._partition_count) for one in records],
                [one.garage_id for one in records],
                [one.at for one in records],
                [one.record_id for one in records],
                [one.lane_id for one in records],
                [one.controller_id for one in records],
                [one.act for one in records],
                [one.outcome for one in records],
                [one.event_id for one in records],
                [one.reason for one in records],
                [one.command for one in records],
                [one.said for one in records],
            )

    async def of_garage(
        self,
        garage_id: GarageId,
        *,
        before: RecordPlace = NEWEST,
        act: BarrierAct | None = None,
        lane_id: LaneId | None = None,
        limit: int,
    ) -> list[BarrierRecord]:
        """Records of a garage, newest first."""
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("barriers/of_garage"),
                partition_of(garage_id, self._partition_count),
                garage_id,
                before.at,
                before.record_id,
                act,
                lane_id,
                limit,
            )
        return [
            BarrierRecord(
                garage_id=garage_id,
                lane_id=LaneId(row["lane_id"]),
                controller_id=ControllerId(row["controller_id"]),
                at=row["at"],
                act=BarrierAct(row["act"]),
                outcome=GateOutcome(row["outcome"]),
                event_id=row["event_id"],
                reason=row["reason"],
                command=row["command"],
                said=row["said"],
            )
            for row in rows
        ]

    async def forget(self, before: datetime) -> None:
        """Let go of what is older."""
        async with connection(self._pool) as held:
            await held.execute(sql("barriers/forget"), before)
