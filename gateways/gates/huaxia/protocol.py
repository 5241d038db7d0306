"""Huaxia's HTTP push: a form with a read or a heartbeat, and an answer that switches, shows and speaks.

Newer firmware calls the fields ``plate_num`` and ``cam_id``, older ``car_plate`` and ``camera_id``. Pictures
are base64 with ``-``, ``_`` and ``.`` in place of ``+``, ``/`` and ``=``. The answer needs a Content-Length
and is understood neither packed nor in chunks; ``error_num`` 0 ends the camera's re-sending.

A record of this camera has no mark of its own: camera, plate and time are its identity. Times are whole
seconds since 1970 in UTC.

Not certain, and therefore options: the password that some firmware wants to hear before it switches
(``passwd``); which output the barrier hangs on (``io``, ``io1``), the second relay serving other things by
wiring; which way a car drives whose ``direction`` a camera tells, so that ``vdc_type``, in or out, is taken
for it. The source is silent on how an unreadable plate is written; empty, 无牌车 and 未知 are taken for that.
``confidence`` is taken for percent; a camera that does not send it is taken to be sure.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from typing_extensions import override

from gateways.gates.forms import form_fields
from gateways.gates.protocol import (
    DeviceReply,
    GateProtocol,
    Heading,
    Heartbeat,
    Read,
    check_options,
)
from parking.errors import InvalidInput
from parking.plate import Colour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateways.gates.protocol import Answered, DeviceRequest, Message
    from parking.device import Device

__all__ = ["HuaxiaHttp"]

OPTIONS: Final = frozenset({"io", "passwd"})
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS_MAX: Final = 4_102_444_800
TEXT_MAX: Final = 256
SURE: Final = 100
UNREAD: Final = frozenset({"", "无牌车", "未知", "_无_"})
COLOURS: Final = {
    "蓝": Colour.BLUE,
    "黄": Colour.YELLOW,
    "白": Colour.WHITE,
    "黑": Colour.BLACK,
    "绿": Colour.GREEN,
    "黄绿": Colour.YELLOW_GREEN,
}
"""By ``plate_color`` without its last sign 色."""
HEADINGS: Final = {"in": Heading.FORWARD, "out": Heading.REVERSE}
"""By ``vdc_type``, for a lane that runs both ways."""
URL_SAFE: Final = str.maketrans("-_.", "+/=")
JSON_HEADERS: Final = (("Content-Type", "application/json; charset=utf-8"),)
compact: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class HuaxiaHttp(GateProtocol):
    """Cameras that post forms."""

    name: ClassVar[str] = "huaxia"
    shows: ClassVar[bool] = True
    setup: ClassVar[str] = """\
On the camera's web page, below Network > HTTP push (the page's own words differ by firmware):
  server           {host}
  port             {port}
  push address     {path}/push     for reads, kept records and heartbeats alike
  encoding         UTF-8
  pictures         on, the large one
"""

    @override
    def parse(self, request: DeviceRequest, device: Device) -> Sequence[Message]:
        if request.method != "POST":
            raise InvalidInput("cameras post", ("method",))
        fields = form_fields(request.headers, request.body)
        kind = fields.get("type", "").lower()
        serial = _text(fields, "cam_id", "camera_id")
        if kind == "heartbeat":
            at = fields.get("start_time")
            return [Heartbeat(serial=serial, device_time=_moment(at) if at else None)]
        if kind not in {"online", "offline"}:
            raise InvalidInput("online, offline or heartbeat", ("type",))
        return [_read(fields, serial, history=kind == "offline")]

    @override
    def reply(self, request: DeviceRequest, answers: Sequence[Answered], device: Device) -> DeviceReply:
        told: dict[str, Any] = {"error_num": 0, "error_str": "noerror"}
        if "passwd" in device.options:
            told["passwd"] = device.options["passwd"]
        output = device.options.get("io", "io1")
        told["gpio_data"] = [{"ionum": output, "action": "on"} for one in answers if one.opens]
        told["rs485_data"] = [
            {"encodetype": "hex2string", "data": frame.hex().upper()}
            for one in answers
            for frame in one.signals.frames
        ]
        told |= {"triger_data": {}, "whitelist_data": []}
        return DeviceReply(headers=JSON_HEADERS, body=compact(told).encode())

    @override
    def check(self, device: Device) -> None:
        check_options(device, OPTIONS)
        if device.options.get("io", "io1") not in {"io1", "io2"}:
            raise InvalidInput("io1 or io2", ("options.io",))


def _read(fields: Mapping[str, str], serial: str, *, history: bool) -> Read:
    number = _text(fields, "plate_num", "car_plate")
    colour = _text(fields, "plate_color", "color").removesuffix("色")
    return Read(
        captured_at=_moment(fields.get("start_time", "")),
        number="" if number in UNREAD else number,
        colour=COLOURS.get(colour, Colour.UNKNOWN),
        confidence=_confidence(fields.get("confidence", "")),
        serial=serial,
        heading=HEADINGS.get(fields.get("vdc_type", "").lower(), Heading.UNKNOWN),
        history=history,
        pictures=tuple(_picture(fields[name]) for name in ("picture", "closeup_pic") if fields.get(name)),
    )


def _text(fields: Mapping[str, str], name: str, old_name: str) -> str:
    text = fields.get(name) or fields.get(old_name, "")
    if len(text) > TEXT_MAX:
        raise InvalidInput("too long", (name,))
    return text


def _moment(text: str) -> datetime:
    if not (text.isascii() and text.isdigit()) or len(text) > TEXT_MAX or int(text) > SECONDS_MAX:
        raise InvalidInput("seconds since 1970", ("start_time",))
    return EPOCH + timedelta(seconds=int(text))


def _confidence(text: str) -> float:
    """A camera that does not say how sure it is has decided by itself."""
    if not text:
        return 1.0
    if not (text.isascii() and text.isdigit()) or len(text) > TEXT_MAX or int(text) > SURE:
        raise InvalidInput("0 to 100", ("confidence",))
    return int(text) / SURE


def _picture(text: str) -> bytes:
    try:
        return base64.b64decode(text.translate(URL_SAFE), validate=True)
    except (binascii.Error, ValueError):
        return b""
