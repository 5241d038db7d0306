"""Vzenith over MQTT, from the camera's side: reads and what its lane controller has seen, in envelopes.

Nobody answers a read. Its barrier opens by ``gpio_out``, a message to it, which it answers. Plates are
base64. That a car turned back is told by the lane controller, to whole seconds. By ``white_list_operator`` it
gets a list of cars, for which it opens while it is cut off.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar, Final

from typing_extensions import override

from gateways.devices.maker import Heard, Maker, Push
from gateways.devices.vzenith import MOVES, UNREAD, alarm_of
from parking.event import Kind

if TYPE_CHECKING:
    from gateways.devices.maker import Record, Reply
    from parking.event import GateEvent

__all__ = ["Ordered", "VzenithBrokerCamera", "ordered"]

TURNED_BACK: Final = 84
LOCAL: Final = timezone(timedelta(hours=8))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What a message to a camera has it do, and the reply to it."""

    reply: bytes
    opens: bool = False
    puts: tuple[tuple[str, datetime, datetime], ...] = ()
    """Cars for its own list, each with from when to when."""
    drops: tuple[str, ...] = ()


def ordered(serial: str, name: str, text: bytes) -> Ordered:
    """What a message means to a camera of that serial number; what it cannot read it refuses."""
    try:
        order = json.loads(text)
        body, ours = order["payload"]["body"], order["sn"] == serial
        reply = _envelope(name, str(order["id"]), serial, int(order.get("timestamp", 0)), {}, code=DONE)
        if name == "gpio_out":
            return Ordered(reply=reply, opens=ours and body["value"] in MOVES)
        if name == "white_list_operator" and ours:
            return _listed(reply, body)
    except (ValueError, KeyError, TypeError):
        return Ordered(reply=_envelope(name, "", serial, 0, {}, code=REFUSED))
    return Ordered(reply=reply)


def _listed(reply: bytes, body: dict[str, Any]) -> Ordered:
    """Many cars, or one that is in no list."""
    if body["operator_type"] == "delete":
        return Ordered(reply=reply, drops=tuple(map(str, _several(body["plate"]))))
    if body["operator_type"] != "update_or_add":
        raise ValueError("no such change of a list")
    records = [one for one in _several(body["dldb_rec"]) if one["enable"] == 1]
    return Ordered(
        reply=reply,
        puts=tuple(
            (str(one["plate"]), _local(one["enable_time"]), _local(one["overdue_time"])) for one in records
        ),
    )


def _several(value: Any) -> list[Any]:  # noqa: ANN401 - out of JSON
    return value if isinstance(value, list) else [value]


def _local(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=LOCAL)


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
