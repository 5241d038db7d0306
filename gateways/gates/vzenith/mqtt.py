"""Vzenith over MQTT: what a camera and its lane controller publish, and the commands that go to them.

Every message is an envelope with an id, the device's serial number, its time in whole seconds and a
``payload``; in it plates and pictures are base64. Two layouts of topics are in use, by what is typed into the
camera: ``device/SERIAL/message/…``, and ``SERIAL/device/message/…`` (``topics=serial_first``).

``ivs_result`` is a read, as over HTTP. ``lanectrl_result`` is what a lane controller, often a device of its
own, has seen of cars and barrier: turned back, which undoes the passage; tailgating; passed. ``keep_alive``
is answered by opening for a car that has paid meanwhile. Firmware ends some messages with zero bytes.

``white_list_operator`` puts cars on the camera's own list and takes them off, by which it opens while it is
cut off (``white_list=granted``).

Not certain: whether a camera takes many records of its list in one command, or one alone that is no list, as
some firmware documents (``white_list_form=single``); whether a plate is always base64 (text that no base64
can be is taken as it is; on a list it is plain); what ``lanectrl_result`` calls a view (``channel``, else 0);
whether every reply has a ``code`` (one without is taken for yes); and how a camera that has been cut off is
asked for its next record (nothing is sent).
"""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, Field, ValidationError
from typing_extensions import override

from gateways.gates.mqtt_protocol import CommandReply, MqttProtocol, Publication
from gateways.gates.protocol import Heartbeat, Notice, Passage, PassageKind, Read, check_choice
from gateways.gates.vzenith.camera import (
    EPOCH,
    check_camera,
    compact,
    list_record,
    message_from,
    pulse,
    serial_data,
)
from gateways.gates.vzenith.wire import UNREAD, AlarmInfoPlate, Wire
from gateways.web.problems import invalid
from parking.errors import InvalidInput
from parking.plate import Colour

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gateways.gates.mqtt_protocol import Admitted, Order
    from gateways.gates.protocol import Message, Signals
    from parking.device import Device

__all__ = ["VzenithMqtt"]

TURNED_BACK: Final = 84
PASSAGES: Final = {82: PassageKind.STAYED, 83: PassageKind.PASSED, 85: PassageKind.TAILGATED}
"""By ``event_type``; the others are of people and of what has no engine."""
DONE: Final = 200
RECORDS_A_COMMAND: Final = 50
"""No source says how many a camera takes at once."""
NUMBER_MAX: Final = 32

Model = TypeVar("Model", bound=BaseModel)
Text = Annotated[str, Field(max_length=256)]


class Envelope(Wire):
    """What every message is in; ``code`` is a reply's."""

    id: Text = ""
    sn: Text = ""
    timestamp: Annotated[int, Field(ge=0, le=4_102_444_800)] = 0
    code: int | None = None
    payload: dict[str, Any] | None = None


class IvsResult(Wire):
    """A read."""

    alarm: Annotated[AlarmInfoPlate, Field(alias="AlarmInfoPlate")]


class LanePlate(Wire):
    """Whose car it was."""

    license: Text = ""
    confidence: Annotated[int, Field(ge=0, le=100)] = 100


class LaneResult(Wire):
    """One car."""

    plate_result: LanePlate = LanePlate()


class LanectrlResult(Wire):
    """What happened below the barrier."""

    event_type: int
    channel: int = 0
    result: Annotated[tuple[LaneResult, ...], Field(max_length=16)] = ()


class VzenithMqtt(MqttProtocol):
    """Cameras and lane controllers on a broker."""

    name: ClassVar[str] = "vzenith-mqtt"
    shows: ClassVar[bool] = True
    subscriptions: ClassVar[tuple[str, ...]] = (
        "device/+/message/up/+",
        "+/device/message/up/+",
        "device/+/message/down/+/reply",
        "+/device/message/down/+/reply",
    )
    setup: ClassVar[str] = """\
On the camera's web page, below Advanced > MQTT:
  server           {host}
  port             {port}
  user, password   what the broker knows this camera by; it may write and read its own topics alone
  topics           device/{serial}/message/up/..., .../down/...
                   (or {serial}/device/message/..., with the option topics=serial_first)
"""

    @override
    def serial_of(self, topic: str) -> str | None:
        match topic.split("/"):
            case ["device", serial, "message", *_] | [serial, "device", "message", *_]:
                return serial
            case _:
                return None

    @override
    def parse(self, topic: str, payload: bytes, device: Device) -> Sequence[Message | CommandReply]:
        kind = topic.removeprefix(_base(device))
        if kind == topic:
            raise InvalidInput("not the layout of topics that is configured", ("options.topics",))
        envelope = _checked(Envelope, payload.strip(b"\0\r\n "))
        if envelope.sn and envelope.sn != device.serial:
            raise InvalidInput("another device's message on this one's topic", ("sn",))
        match kind.split("/"):
            case ["up", "ivs_result"]:
                return [_read(envelope, device)]
            case ["up", "lanectrl_result"]:
                return [_passage(envelope, device)]
            case ["up", "keep_alive"]:
                at = _time(envelope) if envelope.timestamp else None
                return [Heartbeat(serial=device.serial, device_time=at, asks=True)]
            case ["down", _, "reply"]:
                return [_reply(envelope)]
            case _:
                return [Notice(what="input", serial=device.serial)]

    @override
    def opening(self, device: Device, channel: str, order: Order) -> Publication:
        return _command("gpio_out", pulse(device, channel), device, order)

    @override
    def shown(self, signals: Signals, device: Device, order: Order) -> Publication | None:
        if not signals.frames:
            return None
        return _command("serial_data", {"serialData": serial_data(signals.frames, device)}, device, order)

    @override
    def listed_at_once(self, device: Device) -> int:
        if device.options.get("white_list") != "granted":
            return 0
        return 1 if device.options.get("white_list_form") == "single" else RECORDS_A_COMMAND

    @override
    def admitting(self, cars: Sequence[Admitted], device: Device, order: Order) -> Publication:
        records = [list_record(one, device, order.at) for one in cars]
        written = records[0] if self.listed_at_once(device) == 1 else records
        body = {"operator_type": "update_or_add", "dldb_rec": written}
        return _command("white_list_operator", body, device, order)

    @override
    def dismissing(self, numbers: Sequence[str], device: Device, order: Order) -> Publication:
        written = numbers[0] if self.listed_at_once(device) == 1 else list(numbers)
        return _command("white_list_operator", {"operator_type": "delete", "plate": written}, device, order)

    @override
    def check(self, device: Device) -> None:
        check_camera(device, words=frozenset({"topics", "white_list", "white_list_form"}))
        check_choice(device, "topics", "device_first", "serial_first")
        check_choice(device, "white_list", "granted")
        check_choice(device, "white_list_form", "many", "single")


def _base(device: Device) -> str:
    if device.options.get("topics") == "serial_first":
        return f"{device.serial}/device/message/"
    return f"device/{device.serial}/message/"


def _command(name: str, body: dict[str, Any], device: Device, order: Order) -> Publication:
    text = compact({
        "id": order.command_id,
        "sn": device.serial,
        "name": name,
        "version": "1.0",
        "timestamp": int(order.at.timestamp()),
        "payload": {"type": name, "body": body},
    })  # fmt: skip
    return Publication(topic=f"{_base(device)}down/{name}", payload=text.encode())


def _read(envelope: Envelope, device: Device) -> Message:
    alarm = _contents(IvsResult, envelope).alarm
    plate = alarm.result.plate.model_copy(update={"license": _plain(alarm.result.plate.license)})
    result = alarm.result.model_copy(update={"plate": plate})
    return message_from(alarm.model_copy(update={"result": result, "serialno": device.serial}), device)


def _reply(envelope: Envelope) -> CommandReply:
    """A device that answers without a code has taken the command, as far as it says."""
    if envelope.code is None:
        return CommandReply(command_id=envelope.id, accepted=True, said="answered without a code")
    return CommandReply(command_id=envelope.id, accepted=envelope.code == DONE, said=f"code {envelope.code}")


def _passage(envelope: Envelope, device: Device) -> Message:
    seen = _contents(LanectrlResult, envelope)
    plate = seen.result[0].plate_result if seen.result else LanePlate()
    number = _plain(plate.license)
    if seen.event_type == TURNED_BACK:
        return Read(
            captured_at=_time(envelope),
            number="" if number in UNREAD else number,
            colour=Colour.UNKNOWN,
            confidence=plate.confidence / 100,
            identity=envelope.id,
            serial=device.serial,
            channel=str(seen.channel),
            turned_back=True,
        )
    kind = PASSAGES.get(seen.event_type)
    if kind is None:
        return Notice(what="lane", serial=device.serial)
    return Passage(
        kind=kind,
        captured_at=_time(envelope),
        number=number,
        identity=envelope.id,
        serial=device.serial,
        channel=str(seen.channel),
    )


def _plain(text: str) -> str:
    """A plate out of base64; raises :class:`InvalidInput` for what is neither."""
    if not text.isascii():
        return text
    try:
        plain = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidInput("not a plate in base64", ("license",)) from None
    if len(plain) > NUMBER_MAX:
        raise InvalidInput("too long for a plate", ("license",))
    return plain


def _time(envelope: Envelope) -> datetime:
    if not envelope.timestamp:
        raise InvalidInput("a message says when it was made", ("timestamp",))
    return EPOCH + timedelta(seconds=envelope.timestamp)


def _checked(model: type[Model], text: bytes) -> Model:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise invalid(error) from None


def _contents(model: type[Model], envelope: Envelope) -> Model:
    """What an envelope carries; some firmware puts it one level deeper."""
    payload = envelope.payload or {}
    try:
        return model.model_validate(payload.get("body", payload))
    except ValidationError as error:
        raise invalid(error) from None
