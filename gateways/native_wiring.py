"""The native protocol, put together from what the controllers of a gate process have in common."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from gateways.gates.native.api import NativeGates
from gateways.gates.native.bursts import Bursts
from gateways.gates.native.handouts import GrantHandouts
from gateways.gates.native.pushes import Pushes
from gateways.gates.native.sockets import Sockets
from gateways.gates.native.stay_tokens import StayTokens
from gateways.gates.native.waiting import Waiting
from parking.live.changes import changes
from parking.live.granting import grants_since
from parking.live.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateways.gate_parts import GateParts

__all__ = ["open_native"]


@asynccontextmanager
async def open_native(parts: GateParts) -> AsyncIterator[NativeGates]:
    """The native end points, with the loops behind their sockets."""
    count, url = parts.settings.partition_count, parts.settings.valkey_url
    if url is None:
        raise ValueError("a gate process needs the address of a live store")
    sessions = Sessions(parts.live, partition_count=count)
    handouts = GrantHandouts(
        parts.gatehouse, parts.catalog, partial(grants_since, parts.live, partition_count=count)
    )
    pushes, sockets = _sockets(parts, handouts, sessions, url.get_secret_value())
    async with asyncio.TaskGroup() as tasks:
        loops = [
            tasks.create_task(pushes.follow(), name="changes"),
            tasks.create_task(pushes.hand_out(), name="grant-pushes"),
            tasks.create_task(sockets.look_after(), name="sockets"),
        ]
        try:
            yield NativeGates(
                parts.gatehouse,
                parts.metrics,
                draining=parts.draining,
                handouts=handouts,
                stay_tokens=StayTokens(sessions=sessions, clock=parts.clock, draw_bytes=secrets.token_bytes),
                sockets=sockets,
            )
        finally:
            for loop in loops:
                loop.cancel()


def _sockets(
    parts: GateParts, handouts: GrantHandouts, sessions: Sessions, live_url: str
) -> tuple[Pushes, Sockets]:
    waiting = Waiting(asyncio.get_running_loop().time)
    pushes = Pushes(
        waiting,
        handouts,
        sessions=sessions,
        catalog=parts.catalog,
        clock=parts.clock,
        listen=partial(changes, live_url, partition_count=parts.settings.partition_count),
    )
    bursts = Bursts(parts.gatehouse, waiting, parts.metrics)
    return pushes, Sockets(parts.gatehouse, bursts, pushes, parts.metrics, draining=parts.draining)
