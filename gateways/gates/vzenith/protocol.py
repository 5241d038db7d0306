"""Vzenith's HTTP push: what a camera posts, and the answer that opens, shows, speaks and ends its re-sending.

One address takes everything: a camera's reads, inputs and serial data are JSON that says what it is; what it
registers with, as a heartbeat or as *comet* polling, is a form. A polling camera asks again as soon as it is
answered and does what the answer says: so its answer waits a moment, and opens for a car that has paid
meanwhile.

``content: "retransfer_stop"`` and the read's ``plateid`` are in every answer: models differ in which of them
they need, and one that misses its own takes the push for failed, tries the backup server and stores the read.
``ContinuePushOffline`` lets the next record of the camera's memory come.

Not certain, and therefore options, beside those of every camera (``camera.py``): whether it opens by ``info``
or by ``ivs_ioctrl`` (``open_by``: some models do both when told both), and how long an answer may wait
(``poll_hold_ms``, less than the time-out on the camera's page).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, ClassVar, Final

from typing_extensions import override

from gateways.gates.forms import form_fields
from gateways.gates.protocol import (
    DeviceReply,
    GateProtocol,
    Heartbeat,
    Notice,
    Passage,
    Read,
    check_choice,
)
from gateways.gates.vzenith.camera import check_camera, compact, message_from, pulse, serial_data
from gateways.gates.vzenith.wire import push_from
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.gates.protocol import Answered, DeviceRequest, Message, Signals
    from parking.device import Device

__all__ = ["VzenithHttp"]

JSON_HEADERS: Final = (("Content-Type", "application/json; charset=utf-8"),)


class VzenithHttp(GateProtocol):
    """Cameras that push over HTTP."""

    name: ClassVar[str] = "vzenith"
    shows: ClassVar[bool] = True
    speaks: ClassVar[bool] = True
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
            return [message_from(push.plate, device)]
        if push.io is not None or push.serial is not None or push.snapshot is not None:
            return [Notice(what="input")]
        raise InvalidInput("none of the messages of a camera", ("body",))

    @override
    def reply(self, request: DeviceRequest, answers: Sequence[Answered], device: Device) -> DeviceReply:
        told: dict[str, Any] = {}
        for answer in answers:
            if isinstance(answer.message, Heartbeat) and not answer.opens:
                continue
            told |= _opening(device, _channel(answer, device), opens=answer.opens)
            told |= {"content": "retransfer_stop", "is_pay": "true" if answer.opens else "false"}
            told |= _shown(answer.signals, device) | _continued(answer.message)
        body = compact({"Response_AlarmInfoPlate": told}).encode()
        return DeviceReply(headers=JSON_HEADERS, body=body)

    @override
    def check(self, device: Device) -> None:
        check_camera(device, numbers=("poll_hold_ms",), words=frozenset({"open_by"}))
        check_choice(device, "open_by", "info", "ivs_ioctrl")


def _channel(answer: Answered, device: Device) -> str:
    """Which of a camera's channels an answer is for: its message's, else that of the lane to be opened."""
    message = answer.message
    if isinstance(message, Read | Passage):
        return message.channel
    return "" if answer.lane_id is None else device.channel_of(answer.lane_id)


def _opening(device: Device, channel: str, *, opens: bool) -> dict[str, Any]:
    switch = pulse(device, channel)
    if device.options.get("open_by", "info") == "info":
        return {"info": "ok" if opens else "no", "channelNum": switch["io"]}
    return {"info": "no"} | ({"ivs_ioctrl": switch} if opens else {})


def _shown(signals: Signals, device: Device) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if signals.frames:
        told["serialData"] = serial_data(signals.frames, device)
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
    plateid = int(message.identity or 0)
    if message.history:
        return {"ContinuePushOffline": {"plateid": plateid, "continue": 1}}
    return {"plateid": plateid}
