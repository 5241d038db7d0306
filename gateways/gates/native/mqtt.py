"""The native protocol over MQTT: the messages of a WebSocket, each controller on topics of its own.

Events come in on ``leave-first/CONTROLLER/events``, answers and pushes go out on ``…/answers``; on
``…/status`` stands ``online``, or ``offline`` by the controller's last will. An event's first line is the
controller's token: the topic alone proves nothing. An event is acknowledged to the broker when its answer is
with the broker; whatever comes again gets the same answer and has no second effect.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Never

import structlog

from gateways.gates.native.bursts import Arrived
from gateways.mqtt.connection import all_taken
from gateways.web.access import read_token
from parking.errors import LeaveFirstError, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.gates.gatehouse import Gatehouse
    from gateways.gates.native.bursts import Bursts
    from gateways.gates.native.pushes import Pushes
    from gateways.gates.native.roster import Roster
    from gateways.metrics import GateMetrics
    from gateways.mqtt.connection import MqttConnection
    from gateways.mqtt.options import Received
    from parking.catalog import Controller
    from parking.ids import ControllerId, GarageId

    Key = tuple[GarageId, ControllerId]

__all__ = ["SUBSCRIPTIONS", "NativeMqtt", "of_controller"]

log = structlog.get_logger()
SUBSCRIPTIONS: Final = ("leave-first/+/events", "leave-first/+/status")
PUSHES_MAX: Final = 1_000
"""Of all controllers; beyond this the oldest is dropped, which a lane's next report makes good."""
STATUSES: Final = {b"online": True, b"offline": False}


def of_controller(topic: str) -> bool:
    """Whether a topic is one of those of the native protocol."""
    return topic.startswith("leave-first/")


class MqttController:
    """A controller that was heard of; what it is told unasked goes to its topic."""

    def __init__(self, key: Key, outbox: deque[tuple[Key, str]], work: asyncio.Event) -> None:
        self.garage_id = key[0]
        self.place = ""
        self._key = key
        self._outbox = outbox
        self._work = work

    def push(self, text: str) -> None:
        """Send a message when the broker takes it."""
        self._outbox.append((self._key, text))
        self._work.set()


class NativeMqtt:
    """Takes what a connection hands over, and tells what changes."""

    def __init__(
        self,
        connection: MqttConnection,
        gatehouse: Gatehouse,
        bursts: Bursts,
        pushes: Pushes,
        roster: Roster,
        metrics: GateMetrics,
    ) -> None:
        self._connection = connection
        self._gatehouse = gatehouse
        self._bursts = bursts
        self._pushes = pushes
        self._roster = roster
        self._metrics = metrics
        self._controllers: dict[Key, MqttController] = {}
        self._outbox: deque[tuple[Key, str]] = deque(maxlen=PUSHES_MAX)
        self._work = asyncio.Event()

    async def take(self, batch: Sequence[Received]) -> None:
        """Answer the events of a batch; :class:`OutcomeUnknown` when an answer may not be with the broker."""
        now = asyncio.get_running_loop().time()
        arrived: dict[str, tuple[Controller, list[Arrived]]] = {}
        for one in batch:
            _, name, kind = one.topic.split("/")
            if kind == "status":
                if (online := STATUSES.get(one.payload)) is not None:
                    self._roster.note_status(name, online=online, retained=one.retained)
                continue
            token, _, text = one.payload.partition(b"\n")
            try:
                controller = self._sender(name, token)
            except NotAuthenticated as error:
                self._metrics.refused()
                log.warning("mqtt_event_refused", controller=name, error=str(error))
                continue
            arrived.setdefault(token.decode(), (controller, []))[1].append(Arrived(text, now))
        await all_taken(self._answer(controller, events) for controller, events in arrived.values())

    def push(self, key: Key, text: str) -> bool:
        """Send a controller a message; whether it was heard of, and has not gone since."""
        known = self._controllers.get(key)
        if known is None or self._roster.is_gone(key):
            return False
        known.push(text)
        return True

    async def tell(self) -> Never:
        """Publish what is pushed, for ever; what the broker does not take is lost and makes no difference.

        A controller whose token was revoked is told nothing more: who reads its topic is not known by then.
        """
        while True:
            await self._work.wait()
            self._work.clear()
            while self._outbox:
                key, text = self._outbox.popleft()
                if self._roster.named(key[1]) != key:
                    self._forget(key)
                    continue
                try:
                    await self._connection.publish(_answers(key), text.encode())
                except LeaveFirstError as error:
                    log.debug("mqtt_push_lost", error=str(error))

    def _forget(self, key: Key) -> None:
        known = self._controllers.pop(key, None)
        if known is not None:
            self._pushes.forget(known)
            self._bursts.forget(known)

    def _sender(self, name: str, token: bytes) -> Controller:
        controller = self._gatehouse.holder(*read_token(token.decode(errors="replace")))
        key = controller.key
        if controller.device is not None or controller.controller_id != name:
            raise NotAuthenticated("this token is not that controller's")
        if self._roster.named(name) != key:
            raise NotAuthenticated("two garages have a controller of this name")
        self._roster.note_heard(key)
        return controller

    async def _answer(self, controller: Controller, events: list[Arrived]) -> None:
        key = controller.key
        known = self._controllers.setdefault(key, MqttController(key, self._outbox, self._work))
        told = await self._bursts.answer(self._bursts.read(events), controller, known)
        async with asyncio.TaskGroup() as tasks:
            for text in told.texts:
                if text is not None:
                    tasks.create_task(self._connection.publish(_answers(key), text.encode()))
        if told.grants is not None:
            known.place = told.grants
            self._pushes.want(known)


def _answers(key: Key) -> str:
    return f"leave-first/{key[1]}/answers"
