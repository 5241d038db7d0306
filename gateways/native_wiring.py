"""The native protocol, put together from what the controllers of a gate process have in common."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateways.gates.native.api import NativeGates
from gateways.gates.native.bursts import Bursts
from gateways.gates.native.handouts import GrantHandouts
from gateways.gates.native.messages import commanded
from gateways.gates.native.mqtt import NativeMqtt
from gateways.gates.native.pushes import Pushes
from gateways.gates.native.roster import Roster
from gateways.gates.native.sockets import Sockets
from gateways.gates.native.stay_tokens import StayTokens
from gateways.gates.native.waiting import Waiting
from parking.live.changes import changes
from parking.live.granting import grants_since
from parking.live.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from gateways.gate_parts import GateParts
    from gateways.mqtt.connection import MqttConnection
    from parking.ids import ControllerId, GarageId
    from parking.live.changes import Change
    from parking.live.openings import Opening

__all__ = ["Native", "open_native"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """The native protocol over HTTP and, where there is a broker, over MQTT."""

    gates: NativeGates
    mqtt: NativeMqtt | None
    sockets: Sockets

    def tell(self, key: tuple[GarageId, ControllerId], opening: Opening) -> bool:
        """Tell a controller that an attendant opens; whether it keeps a connection here."""
        text = commanded(opening)
        told = self.sockets.tell(key, text)
        return (self.mqtt is not None and self.mqtt.push(key, text)) or told


@asynccontextmanager
async def open_native(parts: GateParts, broker: MqttConnection | None) -> AsyncIterator[Native]:
    """The native end points, with the loops behind their sockets."""
    count = parts.settings.partition_count
    sessions = Sessions(parts.live, partition_count=count)
    handouts = GrantHandouts(
        parts.gatehouse, parts.catalog, partial(grants_since, parts.live, partition_count=count)
    )
    waiting = Waiting(asyncio.get_running_loop().time)
    bursts = Bursts(parts.gatehouse, waiting, parts.metrics)
    pushes = Pushes(
        waiting, handouts, sessions=sessions, catalog=parts.catalog, clock=parts.clock, listen=_listen(parts)
    )
    sockets = Sockets(parts.gatehouse, bursts, pushes, parts.metrics, draining=parts.draining)
    roster = Roster(parts.catalog, parts.presence, parts.metrics)
    mqtt = NativeMqtt(broker, parts.gatehouse, bursts, pushes, roster, parts.metrics) if broker else None
    async with asyncio.TaskGroup() as tasks:
        loops = [
            tasks.create_task(pushes.follow(), name="changes"),
            tasks.create_task(pushes.hand_out(), name="grant-pushes"),
            tasks.create_task(sockets.look_after(), name="sockets"),
        ]
        if mqtt is not None:
            loops.append(tasks.create_task(mqtt.tell(), name="mqtt-pushes"))
        tokens = StayTokens(sessions=sessions, clock=parts.clock, draw_bytes=secrets.token_bytes)
        try:
            gates = NativeGates(
                parts.gatehouse,
                parts.metrics,
                draining=parts.draining,
                handouts=handouts,
                stay_tokens=tokens,
                sockets=sockets,
            )
            yield Native(gates=gates, mqtt=mqtt, sockets=sockets)
        finally:
            for loop in loops:
                loop.cancel()


def _listen(parts: GateParts) -> Callable[[], AsyncGenerator[Change | None, None]]:
    url = parts.settings.valkey_url
    if url is None:
        raise ValueError("a gate process needs the address of a live store")
    return partial(changes, url.get_secret_value(), partition_count=parts.settings.partition_count)
