"""Entries over a broker: as controllers of the native protocol report them, and as Vzenith's cameras do.

All come over one connection of the load generator's, with QoS 1. The next event of a lane leaves when the one
before is answered, for a camera by the command that opens; each command is confirmed, as a camera does.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final

from benchmarks.load import ROUND_SECONDS_MAX, Load, WrongAnswer
from benchmarks.processes import cpu_seconds
from gateways.mqtt.connection import MqttConnection
from gateways.mqtt.options import MqttOptions, MqttVersion, mqtt_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.broker import Broker
    from gateways.mqtt.options import Received

__all__ = ["BrokerLoad", "Publication", "send_over_broker"]

ANSWERS: Final = ("leave-first/+/answers", "device/+/message/down/gpio_out")
COMMAND: Final = "/down/gpio_out"
AGAIN_SECONDS: Final = 0.25
READY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is published, and by what its answer is known: the topic of a command, or a message's id."""

    topic: str
    payload: bytes
    answer: str
    expected: bytes


class BrokerLoad:
    """What is under way over one connection."""

    def __init__(self, broker: Broker) -> None:
        options = MqttOptions(
            client_id="load", subscriptions=ANSWERS, version=MqttVersion.V311, payload_bytes_max=1 << 20
        )
        self.connection = MqttConnection(mqtt_server(broker.url), options)
        self._waiting: dict[str, asyncio.Future[bytes]] = {}

    async def take(self, batch: Sequence[Received]) -> None:
        """Hand answers to their lanes, and confirm what opens."""
        for one in batch:
            command = one.topic.endswith(COMMAND)
            known = one.topic if command else str(json.loads(one.payload).get("id"))
            if command:
                reply = {"id": json.loads(one.payload)["id"], "code": 200}
                await self.connection.publish(f"{one.topic}/reply", json.dumps(reply).encode(), qos=0)
            waiting = self._waiting.get(known)
            if waiting is not None and not waiting.done():
                waiting.set_result(one.payload)

    async def answered(self, publication: Publication) -> bytes:
        """Publish, and wait for the answer."""
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[publication.answer] = waiting
        try:
            await self.connection.publish(publication.topic, publication.payload)
            return await waiting
        finally:
            del self._waiting[publication.answer]

    async def until_ready(self, probe: Publication) -> None:
        """Wait until the gate answers over the broker."""
        async with asyncio.timeout(READY_SECONDS):
            while True:
                if self.connection.connected:
                    try:
                        async with asyncio.timeout(AGAIN_SECONDS):
                            await self.answered(probe)
                    except TimeoutError:
                        continue
                    return
                await asyncio.sleep(AGAIN_SECONDS)


async def send_over_broker(over: BrokerLoad, lanes: Sequence[Sequence[Publication]]) -> Load:
    """Send each sequence as a lane, all at once; every answer must be right."""
    load = Load()
    started, cpu_started = perf_counter(), cpu_seconds()
    async with asyncio.timeout(ROUND_SECONDS_MAX), asyncio.TaskGroup() as tasks:
        for lane in lanes:
            tasks.create_task(_drive(over, lane, load))
    load.wall_s = perf_counter() - started
    load.cpu_s = cpu_seconds() - cpu_started
    return load


async def _drive(over: BrokerLoad, lane: Sequence[Publication], load: Load) -> None:
    for one in lane:
        sent_at = perf_counter()
        answer = await over.answered(one)
        if one.expected not in answer.replace(b'": ', b'":'):
            raise WrongAnswer(answer.decode(errors="replace"))
        load.latencies_s.append(perf_counter() - sent_at)
        load.events += 1
