"""What operators get about barriers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from gateways.web.operator_wire import Name, Wire
from gateways.web.session_wire import Cursor
from parking.barrier import BarrierAct, GateOutcome

__all__ = ["BarrierQuery", "BarrierRecordOut", "BarrierRecordsOut"]


class BarrierQuery(Wire):
    """Which records of a garage; newest first."""

    act: BarrierAct | None = None
    lane_id: Name | None = None
    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class BarrierRecordOut(Wire):
    """What a barrier was told and what the device said of it, or what passed below it."""

    at: AwareDatetime
    lane_id: str
    controller_id: str
    act: BarrierAct
    outcome: GateOutcome
    event_id: Annotated[str, Field(description="Of the decision behind it; empty where there is none.")]
    reason: str
    command: str
    said: str


class BarrierRecordsOut(Wire):
    """One page."""

    records: list[BarrierRecordOut]
    next: str | None
