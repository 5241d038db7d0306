"""What every codec of a device owes whatever it is sent: messages and a reply, or a clear refusal."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gateways.gates.protocol import Answered, DeviceRequest, Signals
from parking.device import Channel, Device, Proof
from parking.errors import InvalidInput
from parking.ids import LaneId
from tests.conformance.cases import Publishing, cases, mqtt_cases

if TYPE_CHECKING:
    from gateways.gates.mqtt_protocol import MqttProtocol
    from gateways.gates.protocol import GateProtocol

__all__ = ["PUBLISHED", "REQUESTS", "check_codec", "check_mqtt_codec"]

SIGNALS = Signals(lines=("浙A12345", "先离场"), speech="一路平安", frames=(b"\xaa\x55\x01",))


def check_codec(protocol: GateProtocol, asked: DeviceRequest, *, opens: bool) -> None:
    """Raise what a codec raises that it should not, or fail where its reply cannot be sent."""
    device = Device(protocol=protocol.name, channels={"*": Channel(lane_id=LaneId("in-1"))})
    try:
        messages = protocol.parse(asked, device)
    except InvalidInput:
        return
    answers = [Answered(message=one, opens=opens, signals=SIGNALS) for one in messages]
    reply = protocol.reply(asked, answers, device)
    assert 200 <= reply.status < 300
    assert all("\r" not in value and "\n" not in value for pair in reply.headers for value in pair)


def check_mqtt_codec(protocol: MqttProtocol, topic: str, payload: bytes) -> None:
    """The same of a codec whose devices are on a broker."""
    serial = protocol.serial_of(topic)
    if not serial:
        return
    channels = {"*": Channel(lane_id=LaneId("in-1"))}
    device = Device(protocol=protocol.name, proof=Proof.BROKER, serial=serial, channels=channels)
    with suppress(InvalidInput):
        assert protocol.parse(topic, payload, device)


def _request(whole: bytes) -> DeviceRequest:
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, *_ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return DeviceRequest(method=method, path=path, query={}, headers=headers, body=body)


REQUESTS: dict[str, list[DeviceRequest]] = {}
"""What devices send in the cases of conformance, by protocol."""
PUBLISHED: dict[str, list[Publishing]] = {}
"""The same over a broker."""
for a_case in mqtt_cases():
    PUBLISHED.setdefault(a_case.path.parent.name, []).extend(
        one for one in a_case.published() if isinstance(one, Publishing)
    )
for a_case in cases():
    known = REQUESTS.setdefault(a_case.path.parent.name, [])
    known += [_request(one.request) for one in a_case.exchanges()]
