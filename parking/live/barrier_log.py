"""Barrier records on their way from the gates to the books: one bounded stream, oldest lost first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from parking.barrier import BarrierAct, BarrierRecord, GateOutcome
from parking.clock import from_ms, to_ms
from parking.ids import ControllerId, GarageId, LaneId
from parking.live.keys import BARRIERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parking.live.batching import BatchingConnection

__all__ = ["append_records", "drop_records", "waiting_records"]

RECORDS_MAX: Final = 100_000
"""Some days of a large garage, about 30 MB: the books may be away for that long."""


async def append_records(live: BatchingConnection, records: Sequence[BarrierRecord]) -> None:
    """Write records down for the books."""
    replies = [
        live.call("XADD", BARRIERS, "MAXLEN", "~", RECORDS_MAX, "*", "r", _text(record)) for record in records
    ]
    for reply in replies:
        await reply


async def waiting_records(live: BatchingConnection, count: int) -> dict[str, BarrierRecord | None]:
    """The oldest records by their places; ``None`` for one that this version cannot read."""
    entries = await live.call("XRANGE", BARRIERS, "-", "+", "COUNT", count)
    return {place.decode(): _record(fields[1]) for place, fields in entries}


async def drop_records(live: BatchingConnection, places: Sequence[str]) -> None:
    """Let go of what is in the books."""
    if places:
        await live.call("XDEL", BARRIERS, *places)


def _text(one: BarrierRecord) -> str:
    fields = [one.garage_id, one.lane_id, one.controller_id, to_ms(one.at), one.act, one.outcome]
    fields += [one.event_id, one.reason, one.command, one.said]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def _record(text: bytes) -> BarrierRecord | None:
    try:
        garage, lane, controller, at_ms, act, outcome, event, reason, command, said = json.loads(text)
        return BarrierRecord(
            garage_id=GarageId(garage),
            lane_id=LaneId(lane),
            controller_id=ControllerId(controller),
            at=from_ms(at_ms),
            act=BarrierAct(act),
            outcome=GateOutcome(outcome),
            event_id=event,
            reason=reason,
            command=command,
            said=said,
        )
    except (ValueError, TypeError):
        return None
