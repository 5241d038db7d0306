"""The broker through which the city speaks; the city needs one of its own only where nobody listens."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from gateways.hangzhou.simulator.publisher import Broker
from gateways.mqtt.connection import MqttConnection
from gateways.mqtt.options import MqttOptions, MqttVersion, mqtt_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateways.mqtt.options import Received

__all__ = ["open_broker"]


class Nowhere(Broker):
    """Nobody hears the city: whoever wants to know asks."""

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        return


@dataclass(frozen=True, slots=True)
class MqttBroker(Broker):
    """A real one."""

    connection: MqttConnection

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        await self.connection.publish(topic, payload)


@asynccontextmanager
async def open_broker(url: str | None) -> AsyncIterator[Broker]:
    """The broker at ``mqtt://user:password@host:port``, connected for as long as the context is open."""
    if url is None:
        yield Nowhere()
        return
    options = MqttOptions(client_id="hangzhou-simulator", subscriptions=(), version=MqttVersion.V311)
    connection = MqttConnection(mqtt_server(url), options)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(connection.run(_unheard))
        try:
            yield MqttBroker(connection)
        finally:
            running.cancel()


async def _unheard(batch: Sequence[Received]) -> None:
    del batch
