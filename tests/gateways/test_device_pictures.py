"""Pictures within a message, as each maker writes them; what is none is found where pictures are kept."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from gateways.gates.huaxia.protocol import HuaxiaHttp
from gateways.gates.protocol import DeviceRequest, Read
from gateways.gates.vzenith.mqtt import VzenithMqtt
from gateways.gates.vzenith.protocol import VzenithHttp
from parking.device import Channel, Device, Proof
from parking.ids import LaneId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.gates.mqtt_protocol import CommandReply
    from gateways.gates.protocol import Message

LARGE = b"\xff\xd8\xff" + bytes(range(256))
SMALL = b"\xff\xd8\xff\xfb\xef\xbe\xff"
"""Of signs that plain and url-safe base64 write differently, and one that is filled up."""
CHANNELS = {"0": Channel(lane_id=LaneId("in-1"))}
ON_BROKER = Device(protocol="vzenith-mqtt", proof=Proof.BROKER, serial="cam-1", channels=CHANNELS)


def request(content_type: str, body: bytes) -> DeviceRequest:
    headers = {"content-type": content_type}
    return DeviceRequest(method="POST", path="/", query={}, headers=headers, body=body)


def pictures_of(messages: Sequence[Message | CommandReply]) -> tuple[bytes, ...]:
    (read,) = messages
    assert isinstance(read, Read)
    return read.pictures


def huaxia(**fields: str) -> tuple[bytes, ...]:
    form = {"type": "online", "plate_num": "浙A12345", "start_time": "1772409600", **fields}
    asked = request("application/x-www-form-urlencoded", urlencode(form).encode())
    return pictures_of(HuaxiaHttp().parse(asked, Device(protocol="huaxia", channels=CHANNELS)))


def alarm(**fields: str) -> dict[str, Any]:
    result = {"license": "", "plateid": 7, "timeStamp": {"Timeval": {"sec": 1772409600}}, **fields}
    return {"AlarmInfoPlate": {"channel": 0, "result": {"PlateResult": result}}}


def vzenith(**fields: str) -> tuple[bytes, ...]:
    asked = request("application/json", json.dumps(alarm(**fields)).encode())
    return pictures_of(VzenithHttp().parse(asked, Device(protocol="vzenith", channels=CHANNELS)))


def vzenith_mqtt(**fields: str) -> tuple[bytes, ...]:
    text = json.dumps({"id": "r", "payload": alarm(**fields)}).encode()
    return pictures_of(VzenithMqtt().parse("device/cam-1/message/up/ivs_result", text, ON_BROKER))


def url_safe(picture: bytes) -> str:
    return urlsafe_b64encode(picture).decode().replace("=", ".")


def test_huaxias_are_url_safe_base64_with_dots_at_the_end() -> None:
    written = url_safe(SMALL)
    assert {"-", "_", "."} <= set(written)
    assert huaxia(picture=url_safe(LARGE), closeup_pic=written) == (LARGE, SMALL)
    assert huaxia(closeup_pic=written) == (SMALL,)
    assert huaxia(picture="!", closeup_pic=written) == (b"", SMALL)
    assert huaxia() == ()


def test_vzeniths_are_base64_over_http_and_over_a_broker() -> None:
    large, small = b64encode(LARGE).decode(), b64encode(SMALL).decode()
    assert vzenith(imageFile=large, imageFragmentFile=small) == (LARGE, SMALL)
    assert vzenith_mqtt(full_image_content=large, small_image_content=small) == (LARGE, SMALL)
    assert vzenith(imageFile="!", imageFragmentFile=small) == (b"", SMALL)
    assert vzenith() == ()
