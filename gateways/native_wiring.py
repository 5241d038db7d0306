"""The native protocol, put together from what the controllers of a gate process have in common."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Never

from gateways.gates.native.api import NativeGates
from gateways.gates.native.bursts import Bursts
from gateways.gates.native.handouts import GrantHandouts
from gateways.gates.native.mqtt import SUBSCRIPTIONS, NativeMqtt
from gateways.gates.native.pushes import Pushes
from gateways.gates.native.sockets import Sockets
from gateways.gates.native.stay_tokens import StayTokens
from gateways.gates.native.waiting import Waiting
from gateways.mqtt.connection import MqttConnection
from gateways.mqtt.options import MqttOptions, mqtt_server
from parking.live.changes import changes
from parking.live.granting import grants_since
from parking.live.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from gateways.gate_parts import GateParts
    from parking.live.changes import Change

__all__ = ["open_native"]


@asynccontextmanager
async def open_native(parts: GateParts) -> AsyncIterator[NativeGates]:
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
    async with asyncio.TaskGroup() as tasks:
        loops = [
            tasks.create_task(pushes.follow(), name="changes"),
            tasks.create_task(pushes.hand_out(), name="grant-pushes"),
            tasks.create_task(sockets.look_after(), name="sockets"),
            *_mqtt(parts, bursts, pushes, tasks),
        ]
        tokens = StayTokens(sessions=sessions, clock=parts.clock, draw_bytes=secrets.token_bytes)
        try:
            yield NativeGates(
                parts.gatehouse,
                parts.metrics,
                draining=parts.draining,
                handouts=handouts,
                stay_tokens=tokens,
                sockets=sockets,
            )
        finally:
            for loop in loops:
                loop.cancel()


def _listen(parts: GateParts) -> Callable[[], AsyncGenerator[Change | None, None]]:
    url = parts.settings.valkey_url
    if url is None:
        raise ValueError("a gate process needs the address of a live store")
    return partial(changes, url.get_secret_value(), partition_count=parts.settings.partition_count)


def _mqtt(
    parts: GateParts, bursts: Bursts, pushes: Pushes, tasks: asyncio.TaskGroup
) -> list[asyncio.Task[Never]]:
    """The loops of MQTT, where there is a broker."""
    settings = parts.settings
    if settings.mqtt_url is None or parts.number != 0:
        return []
    connection = MqttConnection(
        mqtt_server(settings.mqtt_url.get_secret_value()),
        MqttOptions(
            client_id=settings.mqtt_client_id, subscriptions=SUBSCRIPTIONS, version=settings.mqtt_version
        ),
        observe=parts.metrics.mqtt_connected.set,
    )
    native = NativeMqtt(connection, parts.gatehouse, bursts, pushes, parts.metrics)
    return [
        tasks.create_task(connection.run(native.take), name="mqtt"),
        tasks.create_task(native.tell(), name="mqtt-pushes"),
    ]
