"""Vzenith's HTTP push: what a camera posts, and the answer that opens, shows, speaks and ends its re-sending.

One address takes everything: a camera's reads, inputs and serial data are JSON that says what it is; what it
registers with, as a heartbeat or as *comet* polling, is a form. A polling camera asks again as soon as it is
answered and does what the answer says: so its answer waits a moment, and opens for a car that has paid
meanwhile.

``content: "retransfer_stop"`` and the read's ``plateid`` are in every answer: models differ in which of them
they need, and one that misses its own takes the push for failed, tries the backup server and stores the read.
``ContinuePushOffline`` lets the next record of the camera's memory come.

Not certain, and therefore options: which output a barrier hangs on (``io``) and how long its relay is closed
(``pulse_ms``); whether a camera opens by ``info`` or by ``ivs_ioctrl`` (``open_by``: some models do both when
told both); which serial channel a board hangs on (``serial_channel``); how long an answer may wait
(``poll_hold_ms``, less than the time-out on the camera's page); and which way a car drives that moves ``up``
in the picture (``up_is``: towards the camera unless ``reverse``).
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from typing_extensions import override

from gateways.gates.forms import form_fields, picture_from_base64
from gateways.gates.protocol import (
    DeviceReply,
    GateProtocol,
    Heading,
    Heartbeat,
    Notice,
    Passage,
    PassageKind,
    Read,
    check_options,
)
from gateways.gates.vzenith.wire import (
    COLOURS,
    DIRECTIONS,
    OPENED_BY_ITSELF,
    STAY_OVER,
    STAYS,
    TURNED_BACK,
    UNREAD,
    UNREADABLE_TYPES,
    push_from,
)
from parking.errors import InvalidInput
from parking.plate import Colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.gates.protocol import Answered, DeviceRequest, Message, Signals
    from gateways.gates.vzenith.wire import AlarmInfoPlate, PlateResult
    from parking.device import Device

__all__ = ["VzenithHttp"]

OPTIONS: Final = frozenset({"io", "pulse_ms", "open_by", "serial_channel", "poll_hold_ms", "up_is"})
MILLISECONDS_MAX: Final = 30_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
JSON_HEADERS: Final = (("Content-Type", "application/json; charset=utf-8"),)
compact: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class VzenithHttp(GateProtocol):
    """Cameras that push over HTTP."""

    name: ClassVar[str] = "vzenith"
    setup: ClassVar[str] = """\
On the camera's web page, below Advanced > HTTP push:
  server           {host}
  port             {port}   (SSL only where a proxy with a certificate stands before it)
  plate result     {path}/plate    with picture, with re-sending after a broken line
  device register  comet polling to {path}/comet   (or a heartbeat to {path}/heartbeat)
  offline check    on, by heartbeat
"""

    @override
    def parse(self, request: DeviceRequest, device: Device) -> Sequence[Message]:
        if request.method != "POST":
            raise InvalidInput("cameras post", ("method",))
        if not request.body.lstrip().startswith(b"{"):
            fields = form_fields(request.headers, request.body)
            polls = request.path.rstrip("/").endswith("comet")
            hold_s = int(device.options.get("poll_hold_ms", "2500")) / 1000 if polls else 0
            return [Heartbeat(serial=fields.get("serialno", ""), asks=polls, hold_s=hold_s)]
        push = push_from(request.body)
        if push.plate is not None:
            return [_message(push.plate, device)]
        if push.io is not None or push.serial is not None or push.snapshot is not None:
            return [Notice(what="input")]
        raise InvalidInput("none of the messages of a camera", ("body",))

    @override
    def reply(self, request: DeviceRequest, answers: Sequence[Answered], device: Device) -> DeviceReply:
        told: dict[str, Any] = {}
        for answer in answers:
            if isinstance(answer.message, Heartbeat) and not answer.opens:
                continue
            told |= _opening(device, opens=answer.opens)
            told |= {"content": "retransfer_stop", "is_pay": "true" if answer.opens else "false"}
            told |= _shown(answer.signals, device) | _continued(answer.message)
        body = compact({"Response_AlarmInfoPlate": told}).encode()
        return DeviceReply(headers=JSON_HEADERS, body=body)

    @override
    def check(self, device: Device) -> None:
        check_options(device, OPTIONS)
        for name in ("io", "pulse_ms", "serial_channel", "poll_hold_ms"):
            text = device.options.get(name, "0")
            if not (text.isascii() and text.isdecimal() and int(text) <= MILLISECONDS_MAX):
                raise InvalidInput(f"0 to {MILLISECONDS_MAX}", (f"options.{name}",))
        if device.options.get("open_by", "info") not in {"info", "ivs_ioctrl"}:
            raise InvalidInput("info or ivs_ioctrl", ("options.open_by",))
        if device.options.get("up_is", "forward") not in {"forward", "reverse"}:
            raise InvalidInput("forward or reverse", ("options.up_is",))


def _message(alarm: AlarmInfoPlate, device: Device) -> Message:
    plate = alarm.result.plate
    if plate.trigger_type in {STAYS, STAY_OVER}:
        kind = PassageKind.STAYED if plate.trigger_type == STAYS else PassageKind.CLEARED
        return Passage(
            kind=kind, identity=str(plate.plateid), serial=alarm.serialno, channel=str(alarm.channel)
        )
    at = plate.timestamp.timeval
    unread = plate.type in UNREADABLE_TYPES or plate.is_fake_plate == 1 or plate.license in UNREAD
    return Read(
        captured_at=EPOCH + timedelta(seconds=at.sec, microseconds=at.usec),
        number="" if unread else plate.license,
        colour=COLOURS[plate.colour_type] if 0 <= plate.colour_type < len(COLOURS) else Colour.UNKNOWN,
        confidence=plate.confidence / 100,
        identity=str(plate.plateid),
        serial=alarm.serialno,
        channel=str(alarm.channel),
        heading=_heading(plate, device),
        history=plate.isoffline == 1,
        turned_back=plate.trigger_type == TURNED_BACK,
        opened=any(one.ctrltype == OPENED_BY_ITSELF for one in plate.gioouts),
        pictures=tuple(
            picture_from_base64(text) for text in (plate.image_file, plate.image_fragment_file) if text
        ),
    )


def _heading(plate: PlateResult, device: Device) -> Heading:
    direction = DIRECTIONS.get(plate.direction)
    if direction is None:
        return Heading.UNKNOWN
    upwards = device.options.get("up_is", "forward") == "forward"
    return Heading.FORWARD if (direction == "up") == upwards else Heading.REVERSE


def _opening(device: Device, *, opens: bool) -> dict[str, Any]:
    output, by = int(device.options.get("io", "0")), device.options.get("open_by", "info")
    if by == "info":
        return {"info": "ok" if opens else "no", "channelNum": output}
    told: dict[str, Any] = {"info": "no"}
    if opens:
        pulse_ms = int(device.options.get("pulse_ms", "500"))
        told["ivs_ioctrl"] = {"io": output, "value": 2, "delay": pulse_ms}
    return told


def _shown(signals: Signals, device: Device) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if signals.frames:
        channel = int(device.options.get("serial_channel", "0"))
        told["serialData"] = [
            {"serialChannel": channel, "data": base64.b64encode(frame).decode(), "dataLen": len(frame)}
            for frame in signals.frames
        ]
    if signals.speech:
        told["playserver_json_request"] = {
            "type": "ps_voice_play",
            "voice": base64.b64encode(signals.speech.encode()).decode(),
            "voice_interval": 0,
            "voice_volume": 100,
            "voice_male": 1,
        }
    return told


def _continued(message: Message) -> dict[str, Any]:
    """Which record this answers; after one of the camera's memory the next may come."""
    if not isinstance(message, Read | Passage):
        return {}
    plateid = int(message.identity)
    if isinstance(message, Read) and message.history:
        return {"ContinuePushOffline": {"plateid": plateid, "continue": 1}}
    return {"plateid": plateid}
