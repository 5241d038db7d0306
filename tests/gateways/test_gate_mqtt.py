"""The native protocol over real brokers: answered by topic, proven by token, with one effect."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from gateways.embedded import scratch_data_dir
from gateways.mqtt.options import MqttVersion
from parking.barrier import GateOutcome
from parking.ids import ControllerId, GarageId, LaneId
from parking.live.heard import heard_of
from parking.live.openings import Opening, open_and_wait
from parking.live.sessions import Sessions
from tests.brokers import BROKERS, Broker, Product, running_broker
from tests.gateways.gate_stage import (
    PARTITIONS,
    GateProcess,
    ValkeyProcess,
    catalog_of,
    gate_event,
    gate_process,
    now,
    publish_catalog,
    read_journal,
    token,
    until,
    valkey_process,
)
from tests.scenarios.stage import live_connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    from parking.live.batching import BatchingConnection

NUMBERS = count(1)
PATIENCE_S = 30.0
EVENTS, ANSWERS = "leave-first/of-G1/events", "leave-first/of-G1/answers"


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyProcess]:
    with scratch_data_dir() as folder, valkey_process(folder / "valkey") as server:
        yield server


@pytest.fixture(scope="module", params=BROKERS)
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    product, version = request.param
    with running_broker(product, version) as running:
        yield running


@pytest.fixture(scope="module")
def gate(valkey: ValkeyProcess, broker: Broker) -> Iterator[GateProcess]:
    with (
        scratch_data_dir() as folder,
        gate_process(
            valkey.url, folder, lane_deadline_ms=5000, mqtt_url=broker.url, mqtt_version=broker.version
        ) as process,
    ):
        until(lambda: connected(process), "the broker is connected", PATIENCE_S)
        yield process


def connected(gate: GateProcess) -> bool:
    return b"leave_first_mqtt_connected 1.0" in gate.metrics()


def message(kind: str = "entry", **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    number = next(NUMBERS)
    event = gate_event(f"mqtt-{number}", kind, **{"plate": f"浙D{number:05}", **changed})
    return {"type": "event", "id": f"m{number}", **event}


def payload(sent: dict[str, Any], by: str = "c1") -> bytes:
    return f"{token(by)}\n{json.dumps(sent)}".encode()


@asynccontextmanager
async def a_controller(broker: Broker, **options: Any) -> AsyncIterator[aiomqtt.Client]:  # noqa: ANN401
    v5 = broker.version is MqttVersion.V5
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, username="controller", password="any",  # noqa: S106 - of a test
        identifier=f"controller-{next(NUMBERS)}",
        protocol=aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311, **options,
    ) as client:  # fmt: skip
        await client.subscribe(ANSWERS, qos=1)
        yield client


async def told(client: aiomqtt.Client) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        received = await anext(aiter(client.messages))
    document: dict[str, Any] = json.loads(str(received.payload, "utf-8"))
    return document


async def test_an_event_is_answered_on_its_controllers_topic(gate: GateProcess, broker: Broker) -> None:
    sent = message()
    async with a_controller(broker) as client:
        await client.publish(EVENTS, payload(sent), qos=1)
        answer = await told(client)
    again = gate.post({name: value for name, value in sent.items() if name not in {"type", "id"}}).body
    assert (answer.pop("type"), answer.pop("id"), answer.pop("replayed")) == ("answer", sent["id"], False)
    assert again.pop("replayed") is True
    assert answer == again


async def test_an_event_that_comes_again_has_one_effect(
    gate: GateProcess, broker: Broker, valkey: ValkeyProcess
) -> None:
    assert connected(gate)
    sent = [message() for _ in range(20)]
    async with a_controller(broker) as client:
        for one in sent * 2:
            await client.publish(EVENTS, payload(one), qos=1)
        answers = [await told(client) for _ in sent * 2]
    assert sorted(one["replayed"] for one in answers) == [False] * 20 + [True] * 20
    booked = [one.event.event_id for one in await read_journal(valkey.url)]
    assert [booked.count(one["event_id"]) for one in sent] == [1] * 20


async def test_a_topic_proves_nothing(gate: GateProcess, broker: Broker, valkey: ValkeyProcess) -> None:
    assert connected(gate)
    forged, good = [message() for _ in range(4)], message()
    async with a_controller(broker) as client:
        await client.publish(EVENTS, payload(forged[0], by="nobody"), qos=1)
        await client.publish(EVENTS, payload(forged[1], by="c2"), qos=1)
        await client.publish(EVENTS, json.dumps(forged[2]).encode(), qos=1)
        await client.publish("leave-first/of-G2/events", payload(forged[3]), qos=1)
        await client.publish(EVENTS, b"\xff\n{", qos=1)
        await client.publish(EVENTS, payload(good), qos=1)
        assert (await told(client))["id"] == good["id"]
    booked = {one.event.event_id for one in await read_journal(valkey.url)}
    assert good["event_id"] in booked
    assert not {one["event_id"] for one in forged} & booked


async def test_a_message_that_nobody_can_answer_by_its_id_harms_nobody(
    gate: GateProcess, broker: Broker
) -> None:
    assert connected(gate)
    async with a_controller(broker) as client:
        for text in (rb'{"type": "event", "id": "\ud800"}', b'{"id": "\xff"}', b"[" * 9_000):
            await client.publish(EVENTS, token("c1").encode() + b"\n" + text, qos=1)
            answer = await told(client)
            assert (answer["type"], answer["id"], answer["problem"]["status"]) == ("problem", None, 422)


async def until_counted(gate: GateProcess, number: int) -> None:
    counted = f"leave_first_mqtt_controllers {number}.0".encode()
    await asyncio.to_thread(until, lambda: counted in gate.metrics(), "it is counted", PATIENCE_S)


async def test_a_controllers_state_is_counted(gate: GateProcess, broker: Broker) -> None:
    async with a_controller(broker) as client:
        for state, number in ((b"online", 1), (b"offline", 0)):
            await client.publish("leave-first/stranger/status", b"online", qos=1)
            await client.publish("leave-first/of-G1/status", state, qos=1)
            await until_counted(gate, number)


async def test_whose_last_will_says_offline_is_told_nothing_and_is_silent_at_once(
    gate: GateProcess, broker: Broker, valkey: ValkeyProcess
) -> None:
    owner = GarageId("G1"), ControllerId("of-G1")
    assert connected(gate)
    async with live_connection(valkey.url) as live:
        async with a_controller(broker) as client:
            await client.publish(EVENTS, payload(message()), qos=1)
            await told(client)
            async with asyncio.TaskGroup() as tasks:
                asked = an_opening(f"before-{broker.port}", PATIENCE_S)
                outcome = tasks.create_task(open_and_wait(live, asked, claimed_within_s=PATIENCE_S))
                assert (await told(client))["command_id"] == asked.opening_id
            assert outcome.result() == (GateOutcome.TOLD, "")
        lost = broken_connection(broker, "leave-first/of-G1/status", b"offline")
        async with asyncio.timeout(PATIENCE_S):
            while not ((gone_at := (await heard_of(live, [owner]))[owner].gone_at) and gone_at >= lost):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        asked = an_opening(f"after-{broker.port}", PATIENCE_S)
        assert await open_and_wait(live, asked, claimed_within_s=1.0) is None
        # It need not say that it is back: its next event does.
        async with a_controller(broker) as client, asyncio.TaskGroup() as tasks:
            await client.publish(EVENTS, payload(message()), qos=1)
            await told(client)
            asked = an_opening(f"back-{broker.port}", PATIENCE_S)
            tasks.create_task(open_and_wait(live, asked, claimed_within_s=PATIENCE_S))
            assert (await told(client))["command_id"] == asked.opening_id


def an_opening(opening_id: str, seconds: float) -> Opening:
    return Opening(
        opening_id=opening_id,
        garage_id=GarageId("G1"),
        lane_id=LaneId("out-1"),
        controller_id=ControllerId("of-G1"),
        reason="attendant desk: a fire engine",
        until=now() + timedelta(seconds=seconds),
    )


def broken_connection(broker: Broker, topic: str, will: bytes) -> datetime:
    """A controller with a last will that loses its line (MQTT 3.1.1, 3.1); when it did."""
    fields = (b"MQTT", b"broken", topic.encode(), will, b"controller", b"any")
    name, *others = [len(one).to_bytes(2) + one for one in fields]
    body = name + bytes((4, 0xCE, 0, 60)) + b"".join(others)
    with socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S) as line:
        line.sendall(bytes((0x10, len(body))) + body)
        assert line.recv(4) == bytes((0x20, 2, 0, 0))
        return now()


async def test_a_name_that_two_garages_have_is_answered_in_neither(
    gate: GateProcess, broker: Broker, valkey: ValkeyProcess
) -> None:
    catalog, sent = catalog_of(), message()
    namesake = replace(catalog.controllers["c2"], controller_id=ControllerId("of-G1"))
    revision = 2 * broker.port
    both = replace(catalog, revision=revision, controllers={**catalog.controllers, "c9": namesake})
    async with a_controller(broker) as client:
        await publish_catalog(valkey.url, both)
        await asyncio.to_thread(until, lambda: stranger(gate) == 200, "the catalog is known", PATIENCE_S)
        before = refused(gate)
        await client.publish(EVENTS, payload(sent), qos=1)
        await asyncio.to_thread(until, lambda: refused(gate) > before, "it is refused", PATIENCE_S)
        await publish_catalog(valkey.url, replace(catalog, revision=revision + 1))
        await asyncio.to_thread(until, lambda: stranger(gate) == 401, "the catalog is known", PATIENCE_S)
        await client.publish(EVENTS, payload(sent), qos=1)
        answer = await told(client)
    assert (answer["id"], answer["replayed"]) == (sent["id"], False)


async def test_a_push_comes_as_long_as_the_token_is_in_force(
    gate: GateProcess, broker: Broker, valkey: ValkeyProcess
) -> None:
    catalog, revision = catalog_of(), 3 * broker.port
    async with a_controller(broker) as client, live_connection(valkey.url) as live:
        pushed = await held(client)
        await pay(live, pushed)
        push = await told(client)
        assert (push["type"], push["event_id"], push["reason"]) == ("open", pushed["event_id"], "prepaid")
        last = await held(client)
        await publish_catalog(valkey.url, replace(catalog, revision=revision, controllers={}))
        await asyncio.to_thread(until, lambda: gate.post({}).status == 401, "it is revoked", PATIENCE_S)
        await pay(live, last)
        await asyncio.sleep(0.5)  # so that a push would have come
        await publish_catalog(valkey.url, replace(catalog, revision=revision + 1))
        await asyncio.to_thread(until, lambda: gate.post({}).status != 401, "it is in force", PATIENCE_S)
        sent = message()
        await client.publish(EVENTS, payload(sent), qos=1)
        assert (await told(client))["id"] == sent["id"]


async def held(client: aiomqtt.Client) -> dict[str, Any]:
    """A car that came hours ago and waits at the exit, because nobody has paid."""
    entered = message(captured_at=(now() - timedelta(minutes=170)).isoformat(), offline=True)
    sent = message("exit", plate=entered["plate"]["number"])
    answers = []
    for one in (entered, sent):
        await client.publish(EVENTS, payload(one), qos=1)
        answers.append(await told(client))
    assert [one["reason"] for one in answers] == ["late", "no_grant"]
    return sent


async def pay(live: BatchingConnection, sent: dict[str, Any]) -> None:
    sessions = Sessions(live, partition_count=PARTITIONS)
    session = (await sessions.find(GarageId("G1"), sent["plate"]["number"])).session
    assert session is not None
    until_then = now() + timedelta(minutes=15)
    await sessions.prepay(session, total_fen=2_400, paid_at=now(), until=until_then)


def stranger(gate: GateProcess) -> int:
    """What the grants of G2 are answered with to the namesake of a controller of G1."""
    headers = {"Authorization": f"Bearer {token('c9')}"}
    return gate.request("GET", "/v1/garages/G2/grants", b"", headers).status


def refused(gate: GateProcess) -> float:
    lines = gate.metrics().decode().splitlines()
    found = [one for one in lines if one.startswith('leave_first_gate_events_total{result="refused"}')]
    return float(found[0].split()[-1]) if found else 0.0


async def test_lanes_over_http_do_not_notice_that_the_broker_is_away(valkey: ValkeyProcess) -> None:
    with (
        running_broker(Product.AMQTT, MqttVersion.V311) as broker,
        scratch_data_dir() as folder,
        gate_process(
            valkey.url, folder, mqtt_url=broker.url, mqtt_version="3.1.1", mqtt_client_id="b"
        ) as gate,
    ):
        await asyncio.to_thread(until, lambda: connected(gate), "the broker is connected", PATIENCE_S)
        broker.kill()
        await asyncio.to_thread(until, lambda: not connected(gate), "it is gone", PATIENCE_S)
        sent = {name: value for name, value in message().items() if name not in {"type", "id"}}
        assert gate.post(sent).body["reason"] == "entry"
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(until, lambda: connected(gate), "it is back", PATIENCE_S)
        async with a_controller(broker) as client:
            await client.publish(EVENTS, payload(message()), qos=1)
            assert (await told(client))["reason"] == "entry"
        assert gate.stop() == 0
