"""The connection that is made anew whenever it is lost.

What arrives is handed over in batches and acknowledged once it was dealt with: a message of QoS 1 that was
not, because the process died, is delivered again, as the session outlives the connection. So everything may
come twice, and whoever takes it must know what it has taken before.

::

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(connection.run(take))     # for ever
        await connection.publish("topic", b"...")   # Unavailable at once while there is no broker
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Never

import aiomqtt
import structlog

from gateways.embedded.backoff import Backoff
from gateways.mqtt.client import Client, connect, disconnect, user_properties
from gateways.mqtt.options import MqttVersion, Received
from parking.errors import DependencyError, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence

    from gateways.mqtt.options import MqttOptions, MqttServer

__all__ = ["MqttConnection", "all_taken"]

log = structlog.get_logger()
PUBLISH_TIMEOUT_S: Final = 5.0


class MqttConnection:
    """Made anew whenever it is lost; :meth:`run` keeps it up."""

    def __init__(
        self,
        server: MqttServer,
        options: MqttOptions,
        *,
        observe: Callable[[bool], None] = lambda _connected: None,
        on_connected: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """``observe`` hears of every change; ``on_connected`` runs as soon as it may publish."""
        self._server = server
        self._options = options
        self._observe = observe
        self._on_connected = on_connected
        self._client: Client | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a broker now."""
        return self._client is not None

    async def run(self, take: Callable[[Sequence[Received]], Awaitable[None]]) -> Never:
        """Hand over what arrives, for ever, one batch after the other.

        A batch that ``take`` returns from is acknowledged; after a :class:`DependencyError` the same batch is
        handed over again, after a growing pause. So what can never be taken must not raise one.
        """
        backoff, clock = Backoff(), asyncio.get_running_loop().time
        while True:
            started = clock()
            try:
                await self._serve(take)
            except* (aiomqtt.MqttError, OSError, DependencyError) as lost:
                why = "; ".join(map(str, lost.exceptions))
                log.warning("mqtt_connection_lost", host=self._server.host, error=why)
            await asyncio.sleep(backoff.delay_after(clock() - started))

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Publish, and with QoS 1 wait until the broker has confirmed it.

        Raises :class:`Unavailable` when there is no broker, :class:`OutcomeUnknown` when it did not confirm.
        ``properties`` are user properties, which 3.1.1 leaves out.
        """
        client = self._client
        if client is None:
            raise Unavailable("the MQTT broker is not connected")
        carried = user_properties(properties) if self._options.version is MqttVersion.V5 else None
        try:
            await client.publish(
                topic, payload, qos, retain=retain, properties=carried, timeout=PUBLISH_TIMEOUT_S
            )
        except (aiomqtt.MqttError, OSError) as error:
            raise OutcomeUnknown("the MQTT broker did not confirm a message") from error

    async def _serve(self, take: Callable[[Sequence[Received]], Awaitable[None]]) -> None:
        client = Client(self._server, self._options)
        await connect(client)
        try:
            async with asyncio.TaskGroup() as tasks:
                # What the broker kept may come before it confirms a subscription, and some wait for our word.
                tasks.create_task(self._take_all(client, take), name="mqtt-take")
                await client.subscribe_all(self._options.subscriptions)
                self._client = client
                self._observe(True)  # noqa: FBT003 - what is observed is just that
                if self._on_connected is not None:
                    await self._on_connected()
        finally:
            if self._client is not None:
                self._client = None
                self._observe(False)  # noqa: FBT003
            await disconnect(client)

    async def _take_all(self, client: Client, take: Callable[[Sequence[Received]], Awaitable[None]]) -> Never:
        while True:
            batch = await client.batch()
            received, backoff = self._received(batch), Backoff()
            while not await _taken(received, take):
                await asyncio.sleep(backoff.delay_after(0))
                if client.lost:
                    break
            else:
                client.acknowledge(batch)

    def _received(self, batch: Sequence[aiomqtt.Message]) -> list[Received]:
        """The messages without those that nobody can want."""
        received = []
        for one in batch:
            payload = one.payload if isinstance(one.payload, bytes) else b""
            if len(payload) > self._options.payload_bytes_max:
                log.warning("mqtt_message_too_large", topic=str(one.topic), bytes=len(payload))
                continue
            received.append(
                Received(
                    topic=str(one.topic), payload=payload, retained=one.retain, properties=_properties(one)
                )
            )
        return received


async def all_taken(parts: Iterable[Coroutine[None, None, None]]) -> None:
    """Take the parts of a batch side by side; :class:`OutcomeUnknown` when one must be handed over again.

    One that fails by a defect of ours is logged and left: it would come again, and end us each time.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            for part in parts:
                tasks.create_task(_taken_or_left(part))
    except ExceptionGroup as group:
        raise OutcomeUnknown("part of a batch was not taken") from group


async def _taken_or_left(part: Coroutine[None, None, None]) -> None:
    try:
        await part
    except* DependencyError:
        raise
    except* Exception:
        log.exception("mqtt_messages_failed")


async def _taken(batch: Sequence[Received], take: Callable[[Sequence[Received]], Awaitable[None]]) -> bool:
    try:
        await take(batch)
    except DependencyError as error:
        log.warning("mqtt_messages_not_taken", messages=len(batch), error=str(error))
        return False
    return True


def _properties(message: aiomqtt.Message) -> dict[str, str]:
    pairs = getattr(message.properties, "UserProperty", ()) if message.properties is not None else ()
    return dict(reversed(pairs))
