"""Vzenith over MQTT, from the camera's side: reads and what its lane controller has seen, in envelopes.

Nobody answers a read. Its barrier opens by ``gpio_out``, a message to it, which it answers. Plates are
base64. That a car turned back is told by the lane controller, to whole seconds.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from typing_extensions import override

from gateways.devices.maker import Heard, Maker, Push
from gateways.devices.vzenith import MOVES, UNREAD, alarm_of
from parking.event import Kind

if TYPE_CHECKING:
    from datetime import datetime

    from gateways.devices.maker import Record, Reply
    from parking.event import GateEvent

__all__ = ["VzenithBrokerCamera", "ordered"]

TURNED_BACK: Final = 84
DONE: Final = 200
REFUSED: Final = 400
JSON: Final = "application/json"


class VzenithBrokerCamera(Maker):
    """A camera on a broker, with its lane controller."""

    name: ClassVar[str] = "vzenith-mqtt"
    says_turn_back: ClassVar[bool] = True
    by_command: ClassVar[bool] = True
    by_broker: ClassVar[bool] = True
    channels_max: ClassVar[int] = 1

    @override
    def told(self, event: GateEvent) -> GateEvent:
        if event.kind is not Kind.TURN_BACK:
            return event
        return replace(event, captured_at=event.captured_at.replace(microsecond=0))

    @override
    def push(self, record: Record) -> Push:
        event, number = record.event, f"{record.serial}-{record.mark}"
        if event.kind is not Kind.TURN_BACK:
            body = {"AlarmInfoPlate": alarm_of(record, _base64)}
            return _message("ivs_result", number, record.serial, event.captured_at, body)
        license_read = event.plate.number if event.plate.readable else UNREAD[0]
        plate = {"license": _base64(license_read), "confidence": round(event.confidence * 100)}
        seen = {"event_type": TURNED_BACK, "channel": 0, "result": [{"plate_result": plate}]}
        return _message("lanectrl_result", number, record.serial, event.captured_at, seen)

    @override
    def heartbeat(self, serial: str, at: datetime) -> Push:
        return _message("keep_alive", f"{serial}-{int(at.timestamp())}", serial, at, {})

    @override
    def heard(self, record: Record, reply: Reply) -> Heard:
        return Heard(taken=reply.status == DONE)


def ordered(serial: str, name: str, text: bytes) -> tuple[bool, bytes]:
    """Whether a message to the camera opens its barrier, and the reply to it."""
    try:
        order = json.loads(text)
        body = order["payload"]["body"]
        opens = name == "gpio_out" and order["sn"] == serial and body["value"] in MOVES
        number = str(order["id"])
    except (ValueError, KeyError, TypeError):
        return False, _envelope(name, "", serial, 0, {}, code=REFUSED)
    return opens, _envelope(name, number, serial, int(order.get("timestamp", 0)), {}, code=DONE)


def _message(name: str, number: str, serial: str, at: datetime, body: dict[str, Any]) -> Push:
    text = _envelope(name, number, serial, int(at.timestamp()), body)
    return Push(path=name, content_type=JSON, body=text)


def _envelope(
    name: str, number: str, serial: str, at_s: int, body: dict[str, Any], *, code: int | None = None
) -> bytes:
    envelope: dict[str, Any] = {
        "id": number,
        "sn": serial,
        "name": name,
        "version": "1.0",
        "timestamp": at_s,
        "payload": {"type": name, "body": body},
    }
    return json.dumps(envelope if code is None else {**envelope, "code": code}).encode()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
