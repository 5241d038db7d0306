"""Dahua's ITSAPI, from the camera's side.

Without ``"result":"true"`` it sends the same notification again. It says nothing of a record's having been
kept, nor that a car turned back. Its barrier opens by ``openStrobe``, a command to its own server.
"""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar, Final

from typing_extensions import override

from gateways.devices.maker import Commanded, Heard, Maker, Push
from parking.plate import Colour

if TYPE_CHECKING:
    from datetime import datetime

    from gateways.devices.maker import Command, Record, Reply

__all__ = ["DahuaCamera"]

LOCAL: Final = timezone(timedelta(hours=8))
COLOURS: Final = {
    Colour.UNKNOWN: "Unknown",
    Colour.BLUE: "Blue",
    Colour.YELLOW: "Yellow",
    Colour.WHITE: "White",
    Colour.BLACK: "Black",
    Colour.GREEN: "Green",
    Colour.YELLOW_GREEN: "YellowGreen",
}
STROBES: Final = frozenset({"/cgi-bin/trafficSnap.cgi", "/cgi-bin/trafficParking.cgi"})


class DahuaCamera(Maker):
    """A camera that pushes in the form of ITSAPI."""

    name: ClassVar[str] = "dahua"
    says_kept: ClassVar[bool] = False
    by_command: ClassVar[bool] = True

    @override
    def push(self, record: Record) -> Push:
        event = record.event
        readable = event.plate.readable
        picture = {
            "Plate": {
                "PlateNumber": event.plate.number if readable else "",
                "PlateColor": COLOURS[event.plate.colour],
                "PlateType": "Normal",
                "Confidence": round(event.confidence * 100),
                "IsExist": readable,
                "UploadNum": 1,
                "Region": "CHN",
                "BoundingBox": [0, 0, 0, 0],
            },
            "Vehicle": {"VehicleColor": "", "VehicleType": "", "VehicleSign": "", "VehicleSeries": ""},
            "SnapInfo": {
                "AccurateTime": _local(event.captured_at),
                "Direction": "Obverse",
                "DeviceID": record.serial,
                "LanNo": record.channel,
                "AllowUser": False,
                "BlockUser": False,
                "TimeZone": 8,
            },
            "NormalPic": {"Content": "", "PicName": f"{record.serial}_{record.mark}.jpg"},
        }
        return _push("TollgateInfo", {"Picture": picture})

    @override
    def heartbeat(self, serial: str, at: datetime) -> Push:
        del at
        return _push("KeepAlive", {"Active": "keepAlive", "DeviceID": serial})

    @override
    def heard(self, record: Record, reply: Reply) -> Heard:
        try:
            told = json.loads(reply.body)
        except ValueError:
            return Heard(taken=False)
        return Heard(taken=isinstance(told, dict) and told.get("result") == "true")

    @override
    def commanded(self, command: Command, *, is_open: bool) -> Commanded:
        del is_open
        if command.path not in STROBES or command.query.get("action") != "openStrobe":
            return Commanded(status=400, body=b"Error\r\nBad Request!\r\n")
        channel = command.query.get("channel", "")
        if not (channel.isascii() and channel.isdigit()):
            return Commanded(status=400, body=b"Error\r\nBad Request!\r\n")
        return Commanded(body=b"OK\r\n", opens=int(channel))


def _local(at: datetime) -> str:
    return at.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _push(name: str, document: dict[str, Any]) -> Push:
    body = json.dumps(document, ensure_ascii=False).encode()
    return Push(path=f"/NotificationInfo/{name}", content_type="application/json", body=body)
