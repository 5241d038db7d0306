"""Controllers of a garage's own making: by single requests, over a WebSocket, or on topics of a broker.

Over a lasting connection each message has an id by which its answer is known. What is not answered is sent
again after a while: by its event id the same event has one effect.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Never, Protocol

import aiohttp
from typing_extensions import override

from gateways.devices.native_event import event_text
from gateways.embedded.backoff import Backoff
from gateways.mqtt.connection import MqttConnection
from gateways.mqtt.options import MqttOptions, Will
from parking.errors import DependencyError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateways.mqtt.options import MqttServer, MqttVersion, Received
    from parking.event import GateEvent

    Answer = Mapping[str, Any]

__all__ = ["HttpController", "LastingController", "MqttController", "NativeController", "SocketController"]

AGAIN_AFTER_S: Final = 3.0
PATIENCE_S: Final = 90.0
PAUSE_S: Final = 0.5
OK: Final = 200
SERVER_ERROR: Final = 500


class NativeController(Protocol):
    """Speaks the native protocol, one way or another."""

    async def ask(self, event: GateEvent) -> Answer:
        """The answer or the problem; raises :class:`Unavailable` when there is none for a long time."""
        ...


class HttpController(NativeController):
    """By single requests to ``POST /v1/gate-events``."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    @override
    async def ask(self, event: GateEvent) -> Answer:
        body, time = event_text(event).encode(), asyncio.get_running_loop().time
        give_up_at = time() + PATIENCE_S
        while time() < give_up_at:
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with self._session.post(self._url, data=body, headers=self._headers) as response:
                    told: dict[str, Any] = await response.json(content_type=None)
                    if response.status < SERVER_ERROR:
                        return told if response.status == OK else {"problem": told}
            await asyncio.sleep(PAUSE_S)
        raise Unavailable(f"event {event.event_id} has no answer")


class LastingController(NativeController, ABC):
    """Sends events over a connection that :meth:`run` keeps up."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self.repeated = 0
        """Messages that had to be sent again."""

    @abstractmethod
    async def run(self) -> Never:
        """Keep the connection up."""

    @abstractmethod
    async def _send(self, text: str) -> None:
        """Send a message; what cannot be sent now is lost."""

    @override
    async def ask(self, event: GateEvent) -> Answer:
        number = str(next(self._numbers))
        text = event_text(event, type="event", id=number)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._send(text)
                while not (await asyncio.wait([answer], timeout=AGAIN_AFTER_S))[0]:
                    self.repeated += 1
                    await self._send(text)
        except TimeoutError:
            raise Unavailable(f"event {event.event_id} has no answer") from None
        finally:
            del self._waiting[number]
        told: Answer = answer.result()
        return told

    def _told(self, text: str | bytes) -> None:
        """Something that our side said; what is pushed unasked only announces a better answer."""
        document: dict[str, Any] = json.loads(text)
        answer = self._waiting.get(str(document.get("id")))
        if answer is not None and not answer.done():
            answer.set_result(document)


class SocketController(LastingController):
    """Over ``GET /v1/gates/ws``."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        super().__init__()
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._socket: aiohttp.ClientWebSocketResponse[bool] | None = None

    @override
    async def run(self) -> Never:
        backoff, time = Backoff(), asyncio.get_running_loop().time
        while True:
            started = time()
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with self._session.ws_connect(self._url, headers=self._headers) as socket:
                    self._socket = socket
                    async for message in socket:
                        self._told(message.data)
            self._socket = None
            await asyncio.sleep(backoff.delay_after(time() - started))

    @override
    async def _send(self, text: str) -> None:
        if self._socket is not None:
            with suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.send_str(text)


class MqttController(LastingController):
    """Over a broker, on topics of its own; ``name`` is the controller's, as its token has it."""

    def __init__(self, server: MqttServer, version: MqttVersion, name: str, token: str) -> None:
        super().__init__()
        self._token = token
        self._events = f"leave-first/{name}/events"
        self._status = f"leave-first/{name}/status"
        self._connection = MqttConnection(
            server,
            MqttOptions(
                client_id=f"controller-{name}",
                subscriptions=(f"leave-first/{name}/answers",),
                version=version,
                will=Will(topic=self._status, payload=b"offline"),
            ),
            on_connected=self._say_online,
        )

    @override
    async def run(self) -> Never:
        await self._connection.run(self._take)

    @override
    async def _send(self, text: str) -> None:
        with suppress(DependencyError):
            await self._connection.publish(self._events, f"{self._token}\n{text}".encode())

    async def _take(self, batch: Sequence[Received]) -> None:
        for one in batch:
            self._told(one.payload)

    async def _say_online(self) -> None:
        await self._connection.publish(self._status, b"online", retain=True)
