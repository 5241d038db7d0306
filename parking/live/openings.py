"""What attendants ask the gates to open: asked once, done once by one gate process, or not at all.

A request is worth a few seconds: whoever can reach the barrier claims it within them, and nobody does it
later. If none has, the asker claims it himself, so that it cannot be done behind his back.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from parking.barrier import GateOutcome
from parking.clock import from_ms, to_ms
from parking.ids import ControllerId, GarageId, LaneId
from parking.live.keys import OPENINGS

if TYPE_CHECKING:
    from datetime import datetime

    from parking.live.batching import BatchingConnection

__all__ = [
    "FIRST_PLACE",
    "Opening",
    "claim",
    "open_and_wait",
    "openings_after",
    "tell_outcome",
]

REQUESTS_MAX: Final = 1_000
KEPT_MS: Final = 60_000
ASK_EVERY_S: Final = 0.1
DONE_WITHIN_S: Final = 6.0
"""From the claim; a device is given up before."""
BATCH: Final = 100
FIRST_PLACE: Final = "0-0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One request; ``reason`` says who asks and why."""

    opening_id: str
    garage_id: GarageId
    lane_id: LaneId
    controller_id: ControllerId
    reason: str
    until: datetime


async def open_and_wait(
    live: BatchingConnection, opening: Opening, *, claimed_within_s: float
) -> tuple[GateOutcome, str] | None:
    """Ask, and wait for what becomes of it; ``None`` when no gate could do it, and none will."""
    await live.call("XADD", OPENINGS, "MAXLEN", "~", REQUESTS_MAX, "*", "r", _text(opening))
    time = asyncio.get_running_loop().time
    until, claimed = time() + claimed_within_s, False
    while True:
        told = await live.call("GET", _key(opening.opening_id))
        if told:
            outcome, said = json.loads(told)
            return GateOutcome(outcome), said
        if told is not None and not claimed:
            claimed, until = True, time() + DONE_WITHIN_S
        if time() >= until:
            if claimed:
                return GateOutcome.TOLD, "the gate has not said yet what became of it"
            if await claim(live, opening.opening_id):
                return None
        await asyncio.sleep(ASK_EVERY_S)


async def openings_after(live: BatchingConnection, place: str) -> tuple[str, list[Opening]]:
    """The requests behind a place, and the place behind them."""
    entries = await live.call("XRANGE", OPENINGS, f"({place}", "+", "COUNT", BATCH)
    found = [_opening(fields[1]) for _, fields in entries]
    return entries[-1][0].decode() if entries else place, [one for one in found if one is not None]


async def claim(live: BatchingConnection, opening_id: str) -> bool:
    """Whether the caller, and nobody else, may do it."""
    return await live.call("SET", _key(opening_id), "", "NX", "PX", KEPT_MS) is not None


async def tell_outcome(live: BatchingConnection, opening_id: str, outcome: GateOutcome, said: str) -> None:
    """Say what became of a request that was claimed."""
    await live.call("SET", _key(opening_id), json.dumps([outcome, said]), "PX", KEPT_MS)


def _key(opening_id: str) -> str:
    return f"{OPENINGS}:{opening_id}"


def _text(one: Opening) -> str:
    fields = [one.opening_id, one.garage_id, one.lane_id, one.controller_id, one.reason, to_ms(one.until)]
    return json.dumps(fields, ensure_ascii=False)


def _opening(text: bytes) -> Opening | None:
    """A newer version may ask for what this one does not know."""
    try:
        opening_id, garage_id, lane_id, controller_id, reason, until_ms = json.loads(text)
        return Opening(
            opening_id=opening_id,
            garage_id=GarageId(garage_id),
            lane_id=LaneId(lane_id),
            controller_id=ControllerId(controller_id),
            reason=reason,
            until=from_ms(until_ms),
        )
    except (ValueError, TypeError):
        return None
