"""Pictures larger than any that is kept: each protocol takes the read that they came with all the same."""

from __future__ import annotations

import json
from base64 import b64encode
from itertools import starmap
from typing import Any

import pytest

from gateways.gate_wiring import PROTOCOLS
from gateways.gates.pictures import BYTES_MAX
from gateways.gates.protocol import DeviceRequest, Read
from parking.device import Channel, Device
from parking.ids import LaneId

PICTURE = b"\xff\xd8\xff" + bytes(BYTES_MAX)
ENCODED = b64encode(PICTURE).decode()
FORM = "multipart/form-data; boundary=boundary"
ALERT = (
    "<EventNotificationAlert><dateTime>2026-03-02T08:00:00+08:00</dateTime><eventType>ANPR</eventType>"
    "<ANPR><licensePlate>浙A12345</licensePlate></ANPR></EventNotificationAlert>"
)
AXIS = {"carID": "1", "carState": "new", "plateText": "浙A12345", "capture_timestamp": 1_772_409_600_000}
DAHUA = {"Plate": {"PlateNumber": "浙A12345"}, "SnapInfo": {"AccurateTime": "2026-03-02 08:00:00.000"}}
BOTH = {"NormalPic": {"Content": ENCODED}, "VehiclePic": {"Content": ENCODED}}
VZENITH = {"imageFile": ENCODED, "license": "浙A12345", "timeStamp": {"Timeval": {"sec": 1_772_409_600}}}
STREAM = {"camera_id": "1", "timestamp": "2026-03-02T00:00:00Z", "results": [{"plate": "浙a12345"}]}
HOOK = {"hook": {"event": "recognition"}, "data": STREAM}
BY_NAME = {one.name: one for one in PROTOCOLS}


def form(*parts: tuple[str, bytes]) -> bytes:
    return b"".join(starmap(_part, parts)) + b"--boundary--\r\n"


def _part(name: str, body: bytes) -> bytes:
    kind = "image/jpeg" if body is PICTURE else "text/plain"
    head = f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: {kind}'
    return b"--boundary\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n"


def as_json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("name", "content_type", "body"),
    [
        ("hikvision", FORM, form(("anpr.xml", ALERT.encode()), ("a", PICTURE), ("b", PICTURE))),
        ("axis", "", as_json(AXIS | {"ImageArray": [{"BinaryImage": ENCODED}] * 2})),
        ("axis", FORM, form(("event", as_json(AXIS)), ("a", PICTURE), ("b", PICTURE))),
        ("dahua", "", as_json({"Picture": DAHUA | BOTH})),
        ("vzenith", "", as_json({"AlarmInfoPlate": {"result": {"PlateResult": VZENITH}}})),
        ("platerecognizer", FORM, form(("json", as_json(HOOK)), ("upload", PICTURE))),
    ],
    ids=["hikvision", "axis", "axis-form", "dahua", "vzenith", "platerecognizer"],
)
def test_a_read_is_taken_whose_pictures_are_too_large(name: str, content_type: str, body: bytes) -> None:
    protocol = BY_NAME[name]
    assert len(body) <= protocol.body_bytes_max
    asked = DeviceRequest(method="POST", path="", query={}, headers={"content-type": content_type}, body=body)
    device = Device(protocol=name, channels={"*": Channel(lane_id=LaneId("in-1"))})
    (read,) = protocol.parse(asked, device)
    assert isinstance(read, Read)
    assert (read.number.upper(), PICTURE in read.pictures) == ("浙A12345", True)
