"""Every case of every protocol over MQTT, played over a real broker against one gate process."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from gateways.embedded import scratch_data_dir
from gateways.mqtt.options import MqttVersion
from parking.clock import FileClock
from tests.brokers import Product, running_broker
from tests.conformance.cases import mqtt_cases, publish_cases
from tests.gateways.gate_stage import gate_process, until, valkey_process
from tests.scenarios.stage import MIDNIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.brokers import Broker
    from tests.conformance.cases import Case

CASES = mqtt_cases()
PATIENCE_S = 30.0
DOWN = ("device/+/message/down/+", "+/device/message/down/+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The broker that all cases are played over, and the gate's clock."""

    broker: Broker
    clock: FileClock


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_data_dir())
        valkey = stack.enter_context(valkey_process(folder / "valkey"))
        broker = stack.enter_context(running_broker(Product.AMQTT, MqttVersion.V311))
        publish_cases(valkey, CASES)
        clock = FileClock(folder / "clock", start=MIDNIGHT)
        gate = stack.enter_context(
            gate_process(
                valkey.url,
                folder,
                test_clock=folder / "clock",
                lane_deadline_ms=10_000,
                mqtt_url=broker.url,
                mqtt_version=broker.version,
            )
        )
        connected = b"leave_first_mqtt_connected 1.0"
        until(lambda: connected in gate.metrics(), "the broker is connected", PATIENCE_S)
        yield Played(broker=broker, clock=clock)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_device_is_told_on_its_own_topics(case: Case, played: Played) -> None:
    async with aiomqtt.Client(
        "127.0.0.1", played.broker.port, username="device", password="any",  # noqa: S106 - of a test
    ) as client:  # fmt: skip
        for topic in DOWN:
            await client.subscribe(topic, qos=1)
        for one in case.publishings():
            played.clock.move_to(one.at)
            await client.publish(one.topic, one.payload, qos=1)
            told = [await _told(client) for _ in one.told]
            assert sorted(told, key=str) == sorted(one.told, key=str)


async def _told(client: aiomqtt.Client) -> tuple[str, dict[str, Any]]:
    """What a device is told, without the id of the command; the device confirms it."""
    async with asyncio.timeout(PATIENCE_S):
        received = await anext(aiter(client.messages))
    document: dict[str, Any] = json.loads(str(received.payload, "utf-8"))
    command_id = document.pop("id")
    assert command_id
    reply = {"id": command_id, "code": 200, "payload": None}
    await client.publish(f"{received.topic}/reply", json.dumps(reply).encode(), qos=1)
    return str(received.topic), document
