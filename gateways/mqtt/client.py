"""One connection to a broker over ``aiomqtt``, which acknowledges what it is told to.

The library acknowledges a message as soon as it has arrived; here that is left to whoever took it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import aiomqtt
import structlog
from paho.mqtt import client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from typing_extensions import override

from gateways.mqtt.options import MqttVersion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from paho.mqtt.reasoncodes import ReasonCode

    from gateways.mqtt.options import MqttOptions, MqttServer

__all__ = ["Client", "connect", "disconnect", "user_properties"]

log = structlog.get_logger()

CONNECT_TIMEOUT_S: Final = 3.0
"""For the socket, and again for the broker's word."""
KEEPALIVE_S: Final = 20
WAITING_MAX: Final = 2_000
"""Messages that have arrived and wait; MQTT 5 tells the broker half of it, with 3.1.1 its own bound holds."""
WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of their payloads; devices send pictures."""
UNDER_WAY_MAX: Final = 1_000
"""Publications that the broker has not confirmed."""
AT_ONCE: Final = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
"""Else a small message waits until the one before it is confirmed, which takes the other side 40 ms."""
SESSION_KEPT_S: Final = 7 * 24 * 3600
BATCH_MAX: Final = 100
REFUSED: Final = 0x80
OVERHEAD_BYTES: Final = 4096
"""Of a packet, for its topic and its properties."""
T = TypeVar("T")
new_properties = cast("Any", Properties)
"""Publishes no types."""


class Client(aiomqtt.Client):
    """One connection, which acknowledges what it is told to."""

    def __init__(self, server: MqttServer, options: MqttOptions) -> None:
        v5 = options.version is MqttVersion.V5
        will = options.will
        super().__init__(
            server.host,
            server.port,
            username=server.username,
            password=server.password,
            identifier=options.client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311,
            will=aiomqtt.Will(will.topic, will.payload, 1, retain=True) if will else None,
            clean_session=None if v5 else False,
            clean_start=False if v5 else mqtt.MQTT_CLEAN_START_FIRST_ONLY,
            properties=_session_properties(options) if v5 else None,
            timeout=CONNECT_TIMEOUT_S,
            keepalive=KEEPALIVE_S,
            max_queued_incoming_messages=WAITING_MAX,
            max_inflight_messages=UNDER_WAY_MAX,
            socket_options=[AT_ONCE],
            tls_context=ssl.create_default_context(cafile=options.authority) if server.tls else None,
        )
        self.pending_calls_threshold = UNDER_WAY_MAX
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        self._client.manual_ack_set(on=True)
        self._overrun = False
        self._waiting_bytes = 0

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return self._disconnected.done()

    async def batch(self) -> list[aiomqtt.Message]:
        """What has arrived, up to a bound, as soon as something has; raises :class:`aiomqtt.MqttError`."""
        if self._overrun:
            raise aiomqtt.MqttError("more arrived than was taken")
        batch = [await anext(aiter(self.messages))]
        while len(batch) < BATCH_MAX and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        self._waiting_bytes -= sum(map(_bytes_of, batch))
        return batch

    async def subscribe_all(self, topics: Sequence[str]) -> None:
        """Subscribe with QoS 1; a refusal is a :class:`aiomqtt.MqttError`, too."""
        for topic in topics:
            granted = await self.subscribe(topic, qos=1)
            if any(_refused(one) for one in granted):
                raise aiomqtt.MqttError(f"the broker refuses the subscription of {topic}")

    def acknowledge(self, messages: Sequence[aiomqtt.Message]) -> None:
        """The broker may forget these."""
        for one in messages:
            self._client.ack(one.mid, one.qos)

    @override
    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:
        # The library's own way loses a cancellation that meets the broker's word, before Python 3.12.
        try:
            async with asyncio.timeout(self.timeout if timeout is None else timeout):
                return await fut
        except TimeoutError:
            raise aiomqtt.MqttError("the broker did not answer in time") from None

    def abandon(self) -> None:
        """Close what was opened on a way that ended before the broker's word: the library leaves it open."""
        self._client.disconnect()

    @override
    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        # What is discarded here stays unacknowledged, and comes again over the next connection only.
        size = _bytes_of(message)
        full = self._queue.full() or self._waiting_bytes + size > WAITING_BYTES_MAX
        self._overrun = self._overrun or (message.qos > 0 and full)
        if not full:
            self._waiting_bytes += size
            super()._on_message(client, userdata, message)


def _bytes_of(message: aiomqtt.Message | mqtt.MQTTMessage) -> int:
    return len(message.payload) if isinstance(message.payload, bytes) else 0


def _refused(granted: int | ReasonCode) -> bool:
    return (granted if isinstance(granted, int) else granted.value) >= REFUSED


async def connect(client: Client) -> None:
    """Connect; a cancellation waits for the thread that connects, which would leave a socket behind."""
    async with asyncio.TaskGroup() as tasks:
        entering = tasks.create_task(_entered(client), name="mqtt-connect")
        try:
            error = await asyncio.shield(entering)
        except asyncio.CancelledError:
            await asyncio.wait([entering])
            if entering.result() is None:
                await disconnect(client)
            raise
    if error is not None:
        raise error


async def _entered(client: Client) -> Exception | None:
    try:
        await client.__aenter__()
    except (aiomqtt.MqttError, OSError, ValueError) as error:
        client.abandon()
        return aiomqtt.MqttError(str(error))
    return None


async def disconnect(client: Client) -> None:
    """Say goodbye; that it could not be said changes nothing."""
    try:
        await client.__aexit__(None, None, None)
    except (aiomqtt.MqttError, OSError) as error:
        log.debug("mqtt_not_disconnected", error=str(error))


def _session_properties(options: MqttOptions) -> Properties:
    properties: Properties = new_properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = SESSION_KEPT_S
    properties.ReceiveMaximum = WAITING_MAX // 2
    properties.MaximumPacketSize = options.payload_bytes_max + OVERHEAD_BYTES
    return properties


def user_properties(given: Mapping[str, str] | None) -> Properties | None:
    """Of a publication; none for none."""
    if not given:
        return None
    properties: Properties = new_properties(PacketTypes.PUBLISH)
    properties.UserProperty = list(given.items())
    return properties
