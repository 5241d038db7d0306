"""Every case of every protocol over MQTT, played over a real broker against one gate process.

Devices are taken side by side: what one of them publishes is dealt with before the next publishes anything.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateways.embedded import scratch_data_dir
from gateways.grant_signing import GrantSigner, make_key
from gateways.mqtt.options import MqttVersion
from parking.clock import FileClock
from parking.grant import Grant, Granted, GrantReason
from parking.live.granting import LiveGrants
from parking.live.sessions import Sessions
from tests.brokers import Product, running_broker
from tests.conformance.cases import Granting, mqtt_cases, publish_cases
from tests.gateways.gate_stage import PARTITIONS, GateProcess, gate_process, until, valkey_process
from tests.scenarios.stage import MIDNIGHT, live_connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parking.ids import GarageId
    from tests.brokers import Broker
    from tests.conformance.cases import Case

CASES = mqtt_cases()
PATIENCE_S = 30.0
DEALT_WITH = "leave_first_device_messages_total{"
DOWN = ("device/+/message/down/+", "+/device/message/down/+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The broker that all cases are played over, the gate and its clock, and who signs grants."""

    broker: Broker
    gate: GateProcess
    clock: FileClock
    valkey_url: str
    signer: GrantSigner

    async def grant(self, garage_id: GarageId, wanted: Granting) -> None:
        """As settlement does."""
        async with live_connection(self.valkey_url) as live:
            found = await Sessions(live, partition_count=PARTITIONS).find(garage_id, wanted.number)
            assert found.session is not None
            allowed = wanted.until is not None
            given = Grant(
                allowed=allowed,
                limit_fen=5_000 if allowed else 0,
                reason=GrantReason.GOOD_STANDING if allowed else GrantReason.NO_AGREEMENT,
                expires_at=wanted.until or wanted.at,
            )
            grants = LiveGrants(live, self.clock, partition_count=PARTITIONS, sign=self.signer.sign)
            assert await grants.give(Granted(session=found.session, grant=given))

    def dealt_with(self) -> float:
        """How many messages of devices the gate has taken or refused, as its ``/metrics`` says."""
        lines = self.gate.metrics().decode().splitlines()
        return sum(float(one.split()[-1]) for one in lines if one.startswith(DEALT_WITH))

    def wait_for_more_than(self, before: float) -> None:
        """Until the gate has dealt with more messages."""
        until(lambda: self.dealt_with() > before, "the message is dealt with", PATIENCE_S)


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
        make_key(folder / "keys", MIDNIGHT, Ed25519PrivateKey.from_private_bytes(bytes(32)))
        signer = GrantSigner(folder / "keys", clock)
        yield Played(broker=broker, gate=gate, clock=clock, valkey_url=valkey.url, signer=signer)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_device_is_told_on_its_own_topics(case: Case, played: Played) -> None:
    async with aiomqtt.Client(
        "127.0.0.1", played.broker.port, username="device", password="any",  # noqa: S106 - of a test
    ) as client:  # fmt: skip
        for topic in DOWN:
            await client.subscribe(topic, qos=1)
        for one in case.published():
            played.clock.move_to(one.at)
            if isinstance(one, Granting):
                await played.grant(case.garage_id, one)
                told = [await _told(client) for _ in one.told]
            else:
                before = played.dealt_with()
                await client.publish(one.topic, one.payload, qos=1)
                told = [await _told(client) for _ in one.told]
                played.wait_for_more_than(before)
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
