"""A camera on a broker: it publishes on topics of its own, and does what it is told on others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Never

from typing_extensions import override

from gateways.devices.maker import Reply
from gateways.devices.vzenith_mqtt import ordered
from gateways.devices.ways import Way
from gateways.mqtt.connection import MqttConnection
from gateways.mqtt.options import MqttOptions
from parking.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateways.devices.maker import Push
    from gateways.mqtt.options import MqttServer, MqttVersion, Received

__all__ = ["BrokerWay"]

CONFIRMED: Final = Reply(status=200, reason="", headers={}, body=b"")


class BrokerWay(Way):
    """One camera's connection; ``open_barrier`` is called for each order to open."""

    def __init__(
        self, server: MqttServer, version: MqttVersion, serial: str, open_barrier: Callable[[], None]
    ) -> None:
        self._serial = serial
        self._open = open_barrier
        self._topics = f"device/{serial}/message"
        subscriptions = (f"{self._topics}/down/+",)
        self._connection = MqttConnection(
            server,
            MqttOptions(client_id=f"camera-{serial}", subscriptions=subscriptions, version=version),
        )

    async def run(self) -> Never:
        """Keep the connection up."""
        await self._connection.run(self._take)

    @override
    async def send(self, server: str, push: Push) -> Reply | None:
        try:
            await self._connection.publish(f"{self._topics}/up/{push.path}", push.body)
        except DependencyError:
            return None
        return CONFIRMED

    async def _take(self, batch: Sequence[Received]) -> None:
        for one in batch:
            name = one.topic.rpartition("/")[2]
            opens, reply = ordered(self._serial, name, one.payload)
            if opens:
                self._open()
            await self._connection.publish(f"{self._topics}/down/{name}/reply", reply)
