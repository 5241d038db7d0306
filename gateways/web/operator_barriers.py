"""Operators see what barriers were told, for which decision, and what the devices said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gateways.web.access import Scope
from gateways.web.barrier_wire import BarrierQuery, BarrierRecordOut, BarrierRecordsOut
from gateways.web.cursor import read_cursor, write_cursor
from gateways.web.routes import Nothing, Route
from parking.errors import InvalidInput
from parking.ids import GarageId, LaneId
from settlement.books.barriers import NEWEST, RecordPlace

if TYPE_CHECKING:
    from gateways.web.operating import Operator
    from gateways.web.routes import Call

__all__ = ["barrier_routes"]


def barrier_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    barriers = BarrierDesk(operator)
    return [
        Route(
            method="GET", path="/v1/garages/{garage_id}/barrier-records", scope=Scope.READ,
            summary="What barriers were told, for which decision, and what was seen of them; newest first.",
            query=BarrierQuery, answer=BarrierRecordsOut, handle=barriers.some,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class BarrierDesk:
    """The handlers."""

    operator: Operator

    async def some(self, call: Call[Nothing, BarrierQuery]) -> BarrierRecordsOut:
        query, garage_id = call.query, GarageId(call.path["garage_id"])
        await self.operator.garages.one(garage_id)
        records = await self.operator.barriers.of_garage(
            garage_id,
            before=NEWEST if query.cursor is None else _place(query.cursor),
            act=query.act,
            lane_id=None if query.lane_id is None else LaneId(query.lane_id),
            limit=query.limit,
        )
        last = records[-1] if len(records) == query.limit else None
        return BarrierRecordsOut(
            records=[
                BarrierRecordOut(
                    at=one.at,
                    lane_id=one.lane_id,
                    controller_id=one.controller_id,
                    act=one.act,
                    outcome=one.outcome,
                    event_id=one.event_id,
                    reason=one.reason,
                    command=one.command,
                    said=one.said,
                )
                for one in records
            ],
            next=write_cursor(last.at, str(last.record_id)) if last is not None else None,
        )


def _place(cursor: str) -> RecordPlace:
    at, record_id = read_cursor(cursor)
    try:
        return RecordPlace(at=at, record_id=UUID(record_id))
    except ValueError:
        raise InvalidInput("not the cursor of a page", ("cursor",)) from None
