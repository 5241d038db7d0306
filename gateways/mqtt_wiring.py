"""The one connection of a gate's process to a broker, and what it is shared by."""

from __future__ import annotations

from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from gateways.gates.device_mqtt import MqttOrders
from gateways.gates.device_tasks import DeviceTasks
from gateways.gates.native.mqtt import SUBSCRIPTIONS, of_controller
from gateways.gates.white_lists import WhiteLists
from gateways.mqtt.connection import MqttConnection, all_taken
from gateways.mqtt.options import MqttOptions, mqtt_server
from parking.live.granting import grants_since

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gateways.gate_parts import GateParts
    from gateways.gates.device_mqtt import DeviceMqtt
    from gateways.gates.mqtt_protocol import MqttProtocol
    from gateways.gates.native.mqtt import NativeMqtt
    from gateways.mqtt.options import Received

__all__ = ["broker_of", "orders_of", "taking", "white_lists"]

PAYLOAD_BYTES_MAX: Final = 1024 * 1024
"""A read with its pictures."""
ID_BYTES: Final = 16


def broker_of(parts: GateParts, protocols: Sequence[MqttProtocol]) -> MqttConnection | None:
    """The connection, where a broker is configured; of several processes the first has it."""
    settings = parts.settings
    if settings.mqtt_url is None or parts.number != 0:
        return None
    topics = (*SUBSCRIPTIONS, *(topic for one in protocols for topic in one.subscriptions))
    return MqttConnection(
        mqtt_server(settings.mqtt_url.get_secret_value()),
        MqttOptions(
            client_id=settings.mqtt_client_id,
            subscriptions=topics,
            version=settings.mqtt_version,
            payload_bytes_max=PAYLOAD_BYTES_MAX,
        ),
        observe=parts.metrics.mqtt_connected.set,
    )


def orders_of(
    parts: GateParts, broker: MqttConnection | None, protocols: Sequence[MqttProtocol]
) -> list[MqttOrders]:
    """Who tells devices on the broker what to do."""
    if broker is None:
        return []
    return [MqttOrders(one, broker, parts.clock, partial(token_hex, ID_BYTES)) for one in protocols]


def taking(native: NativeMqtt, devices: DeviceMqtt) -> Callable[[Sequence[Received]], Awaitable[None]]:
    """Hands a batch to whom its topics belong."""

    async def take(batch: Sequence[Received]) -> None:
        ours = [one for one in batch if of_controller(one.topic)]
        others = [one for one in batch if not of_controller(one.topic)]
        await all_taken((native.take(ours), devices.take(others)))

    return take


def white_lists(parts: GateParts, orders: Sequence[MqttOrders]) -> DeviceTasks:
    """What keeps the lists of cars that devices on the broker let out by themselves."""
    changes = partial(grants_since, parts.live, partition_count=parts.settings.partition_count)
    lists = WhiteLists(orders, parts.catalog, changes)
    return DeviceTasks(parts.catalog, lists.wanted, lists.keep, name="white-list")
