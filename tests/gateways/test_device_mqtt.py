"""Devices on a broker: whose topic it is, what is booked of what they see, and what they say of a command."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from gateways.catalog_document import catalog_to_json
from gateways.devices.driving import Drive
from gateways.devices.simulation import Simulation, simulate
from gateways.embedded import scratch_data_dir
from gateways.gates.device_mqtt import MqttOrders
from gateways.gates.protocol import Read
from gateways.gates.vzenith.mqtt import VzenithMqtt
from gateways.mqtt.connection import MqttConnection
from gateways.mqtt.options import MqttOptions, MqttVersion, mqtt_server
from parking.barrier import BarrierAct, GateOutcome
from parking.catalog import Controller, secret_digest
from parking.clock import SystemClock
from parking.device import Channel, Device, Proof
from parking.errors import InvalidInput
from parking.ids import ControllerId, GarageId, LaneId
from parking.journal import Result
from parking.live.barrier_log import waiting_records
from parking.plate import Colour
from tests.brokers import Broker, Product, running_broker
from tests.gateways.gate_stage import (
    LANES,
    SECRET,
    GateProcess,
    ValkeyProcess,
    catalog_of,
    gate_process,
    now,
    read_journal,
    until,
    valkey_process,
)
from tests.scenarios.stage import live_connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from parking.barrier import BarrierRecord
    from parking.journal import Record

PATIENCE_S = 30.0
SERIALS = {"camera": "in-1", "exit": "out-1", "twin-a": "in-1", "twin-b": "in-1"}


def device(serial: str, lane: str) -> Device:
    return Device(
        protocol="vzenith-mqtt",
        proof=Proof.BROKER,
        serial=serial,
        channels={"0": Channel(lane_id=LaneId(lane))},
    )


def controller(name: str, lane: str) -> Controller:
    return Controller(
        controller_id=ControllerId(name),
        garage_id=GarageId("G1"),
        lane_ids=LANES,
        secret_sha256=secret_digest(SECRET),
        device=device(name.partition("-")[0], lane),
    )


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyProcess]:
    with scratch_data_dir() as folder, valkey_process(folder / "valkey") as server:
        known = {name: controller(name, lane) for name, lane in SERIALS.items()}
        catalog = replace(catalog_of(revision=2), controllers=known)
        text = catalog_to_json(catalog).decode()
        server.command("HSET", "lf:config", "revision", "2", "text", text)
        yield server


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running_broker(Product.AMQTT, MqttVersion.V311) as running:
        yield running


@pytest.fixture(scope="module")
def gate(valkey: ValkeyProcess, broker: Broker) -> Iterator[GateProcess]:
    with (
        scratch_data_dir() as folder,
        gate_process(
            valkey.url, folder, lane_deadline_ms=10_000, mqtt_url=broker.url, mqtt_version=broker.version
        ) as process,
    ):
        until(lambda: b"leave_first_mqtt_connected 1.0" in process.metrics(), "it is connected", PATIENCE_S)
        yield process


@asynccontextmanager
async def on_the_broker(broker: Broker) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, username="device", password="any",  # noqa: S106 - of a test
    ) as client:  # fmt: skip
        await client.subscribe("device/+/message/down/+", qos=1)
        yield client


def read(plate: str, **envelope: object) -> bytes:
    at = now()
    time = {"Timeval": {"sec": int(at.timestamp()), "usec": at.microsecond}}
    result = {"license": plate, "colorType": 1, "confidence": 97, "plateid": 7, "timeStamp": time}
    alarm = {"channel": 0, "result": {"PlateResult": result}}
    return json.dumps({"id": plate, "payload": {"AlarmInfoPlate": alarm}, **envelope}).encode()


async def command(client: aiomqtt.Client) -> tuple[str, dict[str, Any]]:
    async with asyncio.timeout(PATIENCE_S):
        received = await anext(aiter(client.messages))
    document: dict[str, Any] = json.loads(str(received.payload, "utf-8"))
    return str(received.topic), document


async def records(valkey: ValkeyProcess, wanted: int) -> list[BarrierRecord]:
    """The barrier records that there are, as soon as there are so many."""
    async with live_connection(valkey.url) as live, asyncio.timeout(PATIENCE_S):
        while True:
            found = [one for one in (await waiting_records(live, 1000)).values() if one is not None]
            if len(found) >= wanted:
                await live.call("DEL", "lf:barriers")
                return found
            await asyncio.sleep(0.02)


async def booked(valkey: ValkeyProcess) -> dict[str, Record]:
    return {one.event.plate.number: one for one in await read_journal(valkey.url)}


@pytest.mark.parametrize(
    ("word", "recorded"),
    [
        ({"code": 200}, (GateOutcome.ACCEPTED, "code 200")),
        ({"code": 500}, (GateOutcome.REJECTED, "code 500")),
        ({}, (GateOutcome.ACCEPTED, "answered without a code")),
    ],
    ids=["taken", "refused", "answered"],
)
async def test_what_a_device_says_of_a_command_is_recorded(
    word: dict[str, int],
    recorded: tuple[GateOutcome, str],
    gate: GateProcess,
    broker: Broker,
    valkey: ValkeyProcess,
) -> None:
    assert gate.ready()
    async with on_the_broker(broker) as client:
        await client.publish(
            "device/camera/message/up/ivs_result", read(f"浙B{word.get('code', 0):05}"), qos=1
        )
        topic, told = await command(client)
        assert topic == "device/camera/message/down/gpio_out"
        # Another device's word for it is none.
        for by, said in (("exit", {"code": 404}), ("camera", word)):
            reply = json.dumps({"id": told["id"], **said}).encode()
            await client.publish(f"device/{by}/message/down/gpio_out/reply", reply, qos=1)
        (record,) = await records(valkey, 1)
    assert (record.act, record.outcome, record.said) == (BarrierAct.OPEN, *recorded)
    assert (record.lane_id, record.reason, record.command) == ("in-1", "entry", "by a command")


async def test_a_passage_is_undone_by_a_turn_back_and_noted_otherwise(
    gate: GateProcess, broker: Broker, valkey: ValkeyProcess
) -> None:
    assert gate.ready()
    async with on_the_broker(broker) as client:
        await client.publish("device/camera/message/up/ivs_result", read("浙B00001"), qos=1)
        _, told = await command(client)
        reply = json.dumps({"id": told["id"], "code": 200}).encode()
        await client.publish("device/camera/message/down/gpio_out/reply", reply, qos=1)
        for number, kind in enumerate((83, 85, 84)):
            seen = {"event_type": kind, "result": [{"plate_result": {"license": "浙B00001"}}]}
            sent = {"id": f"l{number}", "timestamp": int(now().timestamp()) + 1, "payload": seen}
            await client.publish("device/camera/message/up/lanectrl_result", json.dumps(sent), qos=1)
        found = await records(valkey, 3)
        async with asyncio.timeout(PATIENCE_S):
            while (await booked(valkey))["浙B00001"].event.kind != "turn_back":  # noqa: ASYNC110 - elsewhere
                await asyncio.sleep(0.02)
    assert {one.act for one in found} == {BarrierAct.OPEN, BarrierAct.PASSED, BarrierAct.TAILGATED}
    undone = (await booked(valkey))["浙B00001"]
    assert (undone.result, undone.decision.reason) == (Result.APPLIED, "turn_back")


async def test_a_simulated_camera_opens_confirms_that_and_ends(
    gate: GateProcess, broker: Broker, valkey: ValkeyProcess
) -> None:
    assert gate.ready()
    said: list[str] = []
    car = Drive(cars=1, every_s=0, stay_s=0, seed=1, garage_id=GarageId(""), run="once")
    wanted = Simulation(
        protocol="vzenith-mqtt",
        addresses=(broker.url,),
        backups=(),
        lanes=1,
        drive=car,
        serial="camera",
        cut=None,
        resends=4,
        listen=("127.0.0.1", 0),
        password="",
        token="",
        controller="",
        polls=False,
        mqtt_version=broker.version,
    )
    async with asyncio.timeout(PATIENCE_S):
        await simulate(wanted, said.append)
    assert len(said) == 1
    assert "the barrier opens" in said[0]
    assert {one.outcome for one in await records(valkey, 1)} == {GateOutcome.ACCEPTED}


async def test_a_topic_is_one_devices_alone_and_a_retained_message_is_of_the_past(
    gate: GateProcess, broker: Broker, valkey: ValkeyProcess
) -> None:
    assert gate.ready()
    async with on_the_broker(broker) as client:
        refused = {
            "device/stranger/message/up/ivs_result": read("浙C00001"),
            "device/twin/message/up/ivs_result": read("浙C00002"),
            "camera/device/message/up/ivs_result": read("浙C00003"),
            "device/camera/message/up/ivs_result": read("浙C00004", sn="exit"),
        }
        for topic, payload in refused.items():
            await client.publish(topic, payload, qos=1)
        await client.publish("device/camera/message/up/ivs_result", read("浙C00009"), qos=1)
        await command(client)
    known = await booked(valkey)
    assert "浙C00009" in known
    assert not known.keys() & {f"浙C0000{number}" for number in range(1, 5)}


@pytest.mark.parametrize(
    ("written", "colour"),
    [
        (5, Colour.GREEN),
        ("2", Colour.YELLOW),
        ("Ng==", Colour.YELLOW_GREEN),
        ("Ymx1ZQ==", Colour.BLUE),
        ("5b2p6Jm5", Colour.UNKNOWN),
        ("gibberish!", Colour.UNKNOWN),
    ],
    ids=["number", "digits", "number in base64", "name in base64", "none in base64", "none"],
)
def test_a_colour_may_be_base64_and_one_that_is_not_known_stops_no_car(
    written: object, colour: Colour
) -> None:
    text = read("浙B00001").replace(b'"colorType": 1', b'"colorType": ' + json.dumps(written).encode())
    (message,) = VzenithMqtt().parse("device/camera/message/up/ivs_result", text, device("camera", "in-1"))
    assert isinstance(message, Read)
    assert message.colour is colour


async def test_without_a_broker_a_device_is_unreachable_at_once() -> None:
    options = MqttOptions(client_id="c", subscriptions=())
    connection = MqttConnection(mqtt_server("mqtt://127.0.0.1:1"), options)
    orders = MqttOrders(VzenithMqtt(), connection, SystemClock(), lambda: "1")
    result = await orders.open(device("camera", "in-1"), "0", "")
    assert result.outcome is GateOutcome.UNREACHABLE


def test_a_device_on_a_broker_has_a_serial_number() -> None:
    with pytest.raises(InvalidInput):
        device("", "in-1")
