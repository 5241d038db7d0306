"""Vzenith's HTTP push, from the camera's side.

It is a model that needs ``content: "retransfer_stop"``: without it, it takes the push for failed. A record of
its memory comes with ``isoffline`` 1, and the next one only after ``ContinuePushOffline``. It opens by
``info`` or by ``ivs_ioctrl``, whichever it is told, and has a trigger of its own for a car that turned back.
With *comet* polling it asks again as soon as it is answered, and does what the answer says.
"""

from __future__ import annotations

import base64
import json
from binascii import Error as NotBase64
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlencode

from typing_extensions import override

from gateways.devices.maker import FORM, Heard, Maker, Push
from parking.event import Kind
from parking.plate import Colour

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gateways.devices.maker import Record, Reply

__all__ = ["MOVES", "UNREAD", "VzenithCamera", "alarm_of"]

COLOURS: Final = {
    Colour.UNKNOWN: (0, 0),
    Colour.BLUE: (1, 1),
    Colour.YELLOW: (2, 3),
    Colour.WHITE: (3, 5),
    Colour.BLACK: (4, 2),
    Colour.GREEN: (5, 19),
    Colour.YELLOW_GREEN: (6, 20),
}
"""``colorType`` and the ``type`` that mostly goes with it."""
UNREAD: Final = ("_无_", 0, 31)
"""The plate, ``colorType`` and ``type`` of a car whose plate could not be read."""
AUTOMATIC: Final = 1
TURNED_BACK: Final = 66
NOT_OPENED: Final = 0
OPENED_BY_LIST: Final = 2
DOWNWARDS: Final = 4
MOVES: Final = frozenset({1, 2})
"""``value`` of ``ivs_ioctrl``: on, pulse."""


class VzenithCamera(Maker):
    """A camera that pushes over HTTP."""

    name: ClassVar[str] = "vzenith"
    says_turn_back: ClassVar[bool] = True

    @override
    def push(self, record: Record) -> Push:
        body = json.dumps({"AlarmInfoPlate": alarm_of(record)}, ensure_ascii=False).encode()
        return Push(path="/plate", content_type="application/json", body=body)

    @override
    def heartbeat(self, serial: str, at: datetime) -> Push:
        del at
        return _registration("/heartbeat", serial)

    @override
    def question(self, serial: str) -> Push:
        return _registration("/comet", serial)

    @override
    def bidden(self, reply: Reply) -> int | None:
        told = _response(reply)
        return _output(told) + 1 if _opens(told) else None

    @override
    def heard(self, record: Record, reply: Reply) -> Heard:
        told = _response(reply)
        further = told.get("ContinuePushOffline")
        further = further if isinstance(further, dict) else {}
        return Heard(
            taken=told.get("content") == "retransfer_stop",
            opens=_opens(told),
            goes_on=further.get("continue") == 1 and further.get("plateid") == record.mark,
            frames=_frames(told),
            said=_said(told),
        )


def alarm_of(record: Record, write: Callable[[str], str] = str) -> dict[str, Any]:
    """A read as all of its cameras describe one; ``write`` is how a plate is written."""
    event = record.event
    number, colour, kind = UNREAD
    if event.plate.readable:
        number, (colour, kind) = event.plate.number, COLOURS[event.plate.colour]
    at_us = round(event.captured_at.timestamp() * 1_000_000)
    result = {
        "license": write(number),
        "colorType": colour,
        "type": kind,
        "confidence": round(event.confidence * 100),
        "direction": DOWNWARDS,
        "triggerType": TURNED_BACK if event.kind is Kind.TURN_BACK else AUTOMATIC,
        "plateid": record.mark,
        "isoffline": int(record.kept),
        "is_fake_plate": 0,
        "plate_true_width": 25,
        "timeStamp": {"Timeval": {"sec": at_us // 1_000_000, "usec": at_us % 1_000_000}},
        "gioouts": [{"ionum": 0, "ctrltype": OPENED_BY_LIST if record.opened else NOT_OPENED}],
        "location": {"RECT": {"left": 0, "top": 0, "right": 0, "bottom": 0}},
    }
    return {
        "channel": record.channel - 1,
        "deviceName": "IVS",
        "ipaddr": "192.168.1.100",
        "serialno": record.serial,
        "user_data": "",
        "result": {"PlateResult": result},
    }


def _registration(path: str, serial: str) -> Push:
    fields = {"device_name": "IVS", "ipaddr": "192.168.1.100", "port": 80, "serialno": serial}
    return Push(path=path, content_type=FORM, body=urlencode(fields).encode())


def _response(reply: Reply) -> dict[str, Any]:
    try:
        document = json.loads(reply.body)
    except ValueError:
        return {}
    told = document.get("Response_AlarmInfoPlate") if isinstance(document, dict) else None
    return told if reply.status == 200 and isinstance(told, dict) else {}  # noqa: PLR2004 - HTTP's OK


def _opens(told: dict[str, Any]) -> bool:
    switch = told.get("ivs_ioctrl")
    return told.get("info") == "ok" or (isinstance(switch, dict) and switch.get("value") in MOVES)


def _output(told: dict[str, Any]) -> int:
    """Which output is meant; a barrier hangs on the output of its channel."""
    switch = told.get("ivs_ioctrl")
    number = switch.get("io") if isinstance(switch, dict) else told.get("channelNum")
    return number if isinstance(number, int) else 0


def _frames(told: dict[str, Any]) -> tuple[bytes, ...]:
    sent = told.get("serialData", [])
    return tuple(_decoded(one["data"]) for one in sent if isinstance(one, dict) and "data" in one)


def _said(told: dict[str, Any]) -> str:
    voice = told.get("playserver_json_request")
    return _decoded(voice["voice"]).decode(errors="replace") if isinstance(voice, dict) else ""


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (NotBase64, ValueError):
        return b""
