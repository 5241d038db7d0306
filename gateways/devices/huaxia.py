"""Huaxia's HTTP push, from the camera's side.

It reads an answer only with a Content-Length, neither packed nor in chunks. Its records have no number and
its times are whole seconds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlencode

from typing_extensions import override

from gateways.devices.maker import FORM, SECOND, Heard, Maker, Push
from parking.plate import Colour

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from gateways.devices.maker import Record, Reply

__all__ = ["HuaxiaCamera"]

COLOURS: Final = {
    Colour.UNKNOWN: "",
    Colour.BLUE: "蓝色",
    Colour.YELLOW: "黄色",
    Colour.WHITE: "白色",
    Colour.BLACK: "黑色",
    Colour.GREEN: "绿色",
    Colour.YELLOW_GREEN: "黄绿色",
}
BARRIER: Final = "io1"


class HuaxiaCamera(Maker):
    """A camera that posts forms."""

    name: ClassVar[str] = "huaxia"
    resolution: ClassVar[timedelta] = SECOND
    channels_max: ClassVar[int] = 1

    @override
    def push(self, record: Record) -> Push:
        event = record.event
        return _form({
            "type": "offline" if record.kept else "online",
            "plate_num": event.plate.number if event.plate.readable else "无牌车",
            "plate_color": COLOURS[event.plate.colour],
            "confidence": str(round(event.confidence * 100)),
            "cam_id": record.serial,
            "cam_ip": "192.168.1.100",
            "park_id": "1",
            "start_time": str(int(event.captured_at.timestamp())),
        })  # fmt: skip

    @override
    def heartbeat(self, serial: str, at: datetime) -> Push:
        return _form({"type": "heartbeat", "cam_id": serial, "start_time": str(int(at.timestamp()))})

    @override
    def heard(self, record: Record, reply: Reply) -> Heard:
        told = _answer(reply)
        switches, frames = told.get("gpio_data", []), told.get("rs485_data", [])
        return Heard(
            taken=told.get("error_num") == 0,
            opens=any(one.get("ionum") == BARRIER and one.get("action") == "on" for one in switches),
            frames=tuple(bytes.fromhex(one["data"]) for one in frames),
        )


def _form(fields: dict[str, str]) -> Push:
    return Push(path="/push", content_type=FORM, body=urlencode(fields).encode())


def _answer(reply: Reply) -> dict[str, Any]:
    """What it understands of an answer; nothing when that is packed or in chunks."""
    unreadable = {"transfer-encoding", "content-encoding"} & reply.headers.keys()
    if unreadable or reply.headers.get("content-length") != str(len(reply.body)):
        return {}
    try:
        told = json.loads(reply.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
