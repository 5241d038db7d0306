"""Entries as makers' cameras report them: for each protocol the bytes of a request, without pictures.

What is sent is the shape of the cases of conformance; a plate, a time and a mark of its own are put in.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from parking.device import Channel, Device, Proof

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from parking.ids import LaneId

__all__ = ["MAKERS", "VZENITH_MQTT", "camera", "on_broker", "published_read", "report"]

CHINA: Final = timedelta(hours=8)
VZENITH_MQTT: Final = "vzenith-mqtt"
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

Made = tuple[str, str, str, bytes]
"""What follows the token in the path, the media type, the body, and what the answer must hold."""


def _vzenith(number: str, mark: int, at: datetime) -> Made:
    return "/plate", JSON, _text({"AlarmInfoPlate": _alarm(number, mark, at)}), b'"info":"ok"'


def _alarm(number: str, mark: int, at: datetime) -> dict[str, Any]:
    time = {"Timeval": {"sec": int(at.timestamp()), "usec": at.microsecond}}
    result = {"license": number, "colorType": 1, "confidence": 97, "plateid": mark, "timeStamp": time}
    return {"channel": 0, "serialno": "", "result": {"PlateResult": {**result, "triggerType": 8}}}


def _huaxia(number: str, mark: int, at: datetime) -> Made:
    fields = {"type": "online", "plate_num": number, "plate_color": "蓝色", "confidence": "97"}
    fields |= {"cam_id": str(mark), "start_time": str(int(at.timestamp())), "vdc_type": "in"}
    return "/push", FORM, urlencode(fields), b'"action":"on"'


def _hikvision(number: str, mark: int, at: datetime) -> Made:
    alert = (
        f'<EventNotificationAlert xmlns="http://www.isapi.org/ver20/XMLSchema"><channelID>1</channelID>'
        f"<dateTime>{at.isoformat(timespec='milliseconds')}</dateTime><eventType>ANPR</eventType>"
        f"<eventState>active</eventState><ANPR><licensePlate>{number}</licensePlate>"
        f"<confidenceLevel>97</confidenceLevel><direction>forward</direction><plateColor>blue</plateColor>"
        f"<plateCharBelieve>99,98,99,99,97,99,99</plateCharBelieve></ANPR><UUID>{mark}</UUID>"
        f"</EventNotificationAlert>"
    )
    return "", "application/xml", alert, b"HTTP/1.1 200 "


def _dahua(number: str, mark: int, at: datetime) -> Made:
    plate = {"PlateNumber": number, "PlateColor": "Blue", "Confidence": 97, "IsExist": True}
    local = (at + CHINA).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    snap = {"AccurateTime": local, "Direction": "Obverse", "DeviceID": "d", "TimeZone": 0}
    document = {"Picture": {"Plate": plate, "SnapInfo": snap, "NormalPic": {"PicName": f"{mark}.jpg"}}}
    return "/NotificationInfo/TollgateInfo", JSON, _text(document), b'"result":"true"'


def _platerecognizer(number: str, mark: int, at: datetime) -> Made:
    result = {
        "plate": number.lower(),
        "score": 0.97,
        "candidates": [{"plate": number.lower(), "score": 0.97}],
    }
    data = {"camera_id": "cam", "filename": f"{mark}.jpg", "timestamp": at.isoformat(), "results": [result]}
    return "", JSON, _text({"hook": {"event": "recognition"}, "data": data}), b" 200 OK"


def _openalpr(number: str, mark: int, at: datetime) -> Made:
    group = {"data_type": "alpr_group", "epoch_start": int(at.timestamp() * 1000), "camera_id": 1}
    best = {"best_uuid": str(mark), "best_plate_number": number, "best_confidence": 97.0}
    return "", JSON, _text({**group, **best, "best_plate": {"plate": number, "candidates": []}}), b" 200 OK"


def _axis(number: str, mark: int, at: datetime) -> Made:
    read = {"carID": str(mark), "carState": "new", "plateUTF8": number, "plateConfidence": "0.97"}
    time = {"capture_timestamp": str(int(at.timestamp() * 1000)), "roiID": "1"}
    return "", JSON, _text(read | time), b" 200 OK"


MAKERS: Final[dict[str, Callable[[str, int, datetime], Made]]] = {
    "vzenith": _vzenith,
    "huaxia": _huaxia,
    "hikvision": _hikvision,
    "dahua": _dahua,
    "platerecognizer": _platerecognizer,
    "openalpr": _openalpr,
    "axis": _axis,
}


def camera(protocol: str, lane_id: LaneId) -> Device:
    """A device that watches one lane."""
    return Device(protocol=protocol, channels={"*": Channel(lane_id=lane_id)})


def on_broker(serial: str, lane_id: LaneId) -> Device:
    """A Vzenith camera on a broker that watches one lane."""
    return Device(
        protocol=VZENITH_MQTT, proof=Proof.BROKER, serial=serial, channels={"*": Channel(lane_id=lane_id)}
    )


def published_read(serial: str, number: str, mark: int, at: datetime) -> tuple[str, bytes]:
    """What such a camera publishes of an entry: topic and payload."""
    alarm = _alarm(base64.b64encode(number.encode()).decode(), mark, at)
    envelope = {"id": str(mark), "sn": serial, "name": "ivs_result", "timestamp": int(at.timestamp())}
    text = _text({**envelope, "payload": {"AlarmInfoPlate": alarm}})
    return f"device/{serial}/message/up/ivs_result", text.encode()


def report(protocol: str, token: str, number: str, mark: int, at: datetime) -> tuple[bytes, bytes]:
    """A request that reports an entry, and what its answer must hold."""
    path, kind, text, expected = MAKERS[protocol](number, mark, at)
    body = text.encode()
    lines = (
        f"POST /v1/devices/{protocol}/{token}{path} HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body, expected


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)
