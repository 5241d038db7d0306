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
    from collections.abc import Sequence

    from gateways.devices.barrier import Barrier
    from gateways.devices.maker import Push
    from gateways.devices.white_list import WhiteList
    from gateways.mqtt.options import MqttServer, MqttVersion, Received

__all__ = ["BrokerWay"]

CONFIRMED: Final = Reply(status=200, reason="", headers={}, body=b"")


class BrokerWay(Way):
    """One camera's connection; orders move its ``barrier``, and change its ``white_list``."""

    def __init__(
        self,
        server: MqttServer,
        version: MqttVersion,
        serial: str,
        *,
        barrier: Barrier,
        white_list: WhiteList,
    ) -> None:
        self._serial = serial
        self._barrier = barrier
        self._white_list = white_list
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
            order = ordered(self._serial, name, one.payload)
            if order.opens:
                self._barrier.open()
            for number, since, until in order.puts:
                self._white_list.put(number, since, until)
            for number in order.drops:
                self._white_list.drop(number)
            await self._connection.publish(f"{self._topics}/down/{name}/reply", order.reply)
