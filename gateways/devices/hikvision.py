"""Hikvision's ISAPI listening, from the camera's side.

It is a firmware that takes nothing but the bare ``HTTP/1.1 200`` for an answer. Its barrier opens by a
command to its own server, which says that the command was taken also while the barrier is locked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final
from uuid import UUID, uuid5
from xml.sax.saxutils import escape

from typing_extensions import override

from gateways.devices.maker import SECOND, Commanded, Heard, Maker, Push
from parking.plate import Colour

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from gateways.devices.maker import Command, Record, Reply

__all__ = ["HikvisionCamera"]

RECORDS: Final = UUID("5c0c37c5-3f51-53f0-9b1e-6a3f6a5f3c11")
BOUNDARY: Final = "MIME_boundary"
COLOURS: Final = {
    Colour.UNKNOWN: "unknown",
    Colour.BLUE: "blue",
    Colour.YELLOW: "yellow",
    Colour.WHITE: "white",
    Colour.BLACK: "black",
    Colour.GREEN: "newEnergyGreen",
    Colour.YELLOW_GREEN: "newEnergyYellowGreen",
}
GATE: Final = re.compile(r"/ISAPI/Parking/channels/(\d{1,3})/barrierGate(/barrierGateStatus)?")
MODE: Final = re.compile(rb"<ctrlMode>\s*(open|close|lock|unlock)\s*</ctrlMode>")
STATUS: Final = "<BarrierGateStatus><barrierGateStatus>{}</barrierGateStatus></BarrierGateStatus>"
TAKEN: Final = b"<ResponseStatus><statusCode>1</statusCode><statusString>OK</statusString></ResponseStatus>"
WRONG: Final = (
    b"<ResponseStatus><statusCode>6</statusCode><statusString>Invalid XML Content</statusString>"
    b"</ResponseStatus>"
)
CLOSED: Final = 1
OPEN: Final = 2


class HikvisionCamera(Maker):
    """A camera with ISAPI listening."""

    name: ClassVar[str] = "hikvision"
    resolution: ClassVar[timedelta] = SECOND
    by_command: ClassVar[bool] = True

    @override
    def push(self, record: Record) -> Push:
        event = record.event
        number, sure = (
            event.plate.number if event.plate.readable else "unknown",
            round(event.confidence * 100),
        )
        anpr = (
            f"<ANPR><licensePlate>{escape(number)}</licensePlate><line>1</line><direction>forward</direction>"
            f"<confidenceLevel>{sure}</confidenceLevel><plateType>unknown</plateType>"
            f"<plateColor>{COLOURS[event.plate.colour]}</plateColor>"
            f"<plateCharBelieve>{','.join([str(sure)] * len(number))}</plateCharBelieve>"
            f"<barrierGateCtrlType>{0 if record.opened else 1}</barrierGateCtrlType>"
            f"<alarmDataType>{int(record.kept)}</alarmDataType>"
            "<PlateInfoList><PlateInfo><licensePlate>unknown</licensePlate></PlateInfo></PlateInfoList></ANPR>"
        )
        uuid = uuid5(RECORDS, f"{record.serial}/{record.mark}")
        more = f"<channelID>{record.channel}</channelID><UUID>{uuid}</UUID><picNum>0</picNum>{anpr}"
        alert = _alert("ANPR", "active", record.serial, event.captured_at, more)
        head = (
            f"--{BOUNDARY}\r\n"
            'Content-Disposition: form-data; name="anpr.xml"; filename="anpr.xml"\r\n'
            f"Content-Type: application/xml\r\nContent-Length: {len(alert)}\r\n\r\n"
        )
        body = head.encode() + alert + f"\r\n--{BOUNDARY}--\r\n".encode()
        return Push(path="", content_type=f"multipart/form-data; boundary={BOUNDARY}", body=body)

    @override
    def heartbeat(self, serial: str, at: datetime) -> Push:
        alert = _alert("videoloss", "inactive", serial, at, "<channelID>1</channelID>")
        return Push(path="", content_type="application/xml", body=alert)

    @override
    def heard(self, record: Record, reply: Reply) -> Heard:
        return Heard(taken=(reply.status, reply.reason, reply.body) == (200, "", b""))

    @override
    def commanded(self, command: Command, *, is_open: bool) -> Commanded:
        gate = GATE.fullmatch(command.path)
        if gate is None:
            return Commanded(status=404)
        if gate[2] and command.method == "GET":
            return Commanded(body=STATUS.format(OPEN if is_open else CLOSED).encode())
        mode = MODE.search(command.body)
        if gate[2] or command.method != "PUT" or mode is None:
            return Commanded(status=400, body=WRONG)
        return Commanded(body=TAKEN, opens=int(gate[1]) if mode[1] == b"open" else None)


def _alert(kind: str, state: str, serial: str, at: datetime, more: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<EventNotificationAlert version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
        f"<ipAddress>192.168.1.64</ipAddress><macAddress>{escape(serial)}</macAddress>"
        f"<dateTime>{at.isoformat(timespec='seconds')}</dateTime><activePostCount>1</activePostCount>"
        f"<eventType>{kind}</eventType><eventState>{state}</eventState>{more}</EventNotificationAlert>"
    ).encode()
