"""Hikvision's ISAPI: what a camera pushes, and the bare answer that ends its re-sending.

The answer is ``HTTP/1.1 200`` with an empty reason and an empty body: some firmware takes every other form
for a failure and sends again. It opens nothing; barriers are opened by a command (``commands.py``).

**Confidence.** ``confidenceLevel`` is about the mean of the characters, yet a plate is right only if each
character is: it is taken to be no surer than its weakest (``plateCharBelieve``). The device says which
character is weak, not what else it might be, so nothing is made up of that. ``originalLicensePlate`` is what
was read before the camera corrected it by its own list: where it differs it is the other candidate.

Chinese firmware writes the plate's colour before the number (蓝浙A12345); it is taken off.

Not certain, and therefore an option: which way a car drives that the camera calls ``forward``
(``forward_is``). ``barrierGateCtrlType`` is read only for what the device kept while it was cut off, where 0
means that it opened from its own list.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from typing_extensions import override

from gateways.gates.forms import media_type, multipart_parts
from gateways.gates.hikvision.wire import alert_from
from gateways.gates.protocol import (
    DeviceReply,
    GateProtocol,
    Heading,
    Heartbeat,
    Notice,
    Read,
    check_choice,
    check_options,
    device_time,
    turned,
)
from parking.errors import InvalidInput
from parking.event import Candidate
from parking.plate import Colour

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateways.gates.forms import Part
    from gateways.gates.hikvision.wire import Alert, Anpr
    from gateways.gates.protocol import Answered, DeviceRequest, Message
    from parking.device import Device

__all__ = ["HikvisionIsapi", "is_pulled", "message_from", "ordered"]

HEARTBEATS: Final = frozenset({"videoloss", "heartbeat"})
COLOUR_SIGNS: Final = {
    "蓝": Colour.BLUE,
    "黄": Colour.YELLOW,
    "白": Colour.WHITE,
    "黑": Colour.BLACK,
    "绿": Colour.GREEN,
}
COLOURS: Final = {
    "blue": Colour.BLUE,
    "yellow": Colour.YELLOW,
    "white": Colour.WHITE,
    "black": Colour.BLACK,
    "green": Colour.GREEN,
    "newenergygreen": Colour.GREEN,
    "newenergyyellowgreen": Colour.YELLOW_GREEN,
    "yellowgreen": Colour.YELLOW_GREEN,
}
HEADINGS: Final = {"forward": Heading.FORWARD, "reverse": Heading.REVERSE}
UNREAD: Final = frozenset({"", "unknown", "无车牌", "noplate"})
HISTORY: Final = {"0": False, "1": True}
"""By ``alarmDataType``; devices of before it do not say."""
OPENED_BY_ITSELF: Final = "0"
NUMBER_MAX: Final = 32


class HikvisionIsapi(GateProtocol):
    """Cameras with ISAPI listening."""

    name: ClassVar[str] = "hikvision"
    setup: ClassVar[str] = """\
On the camera's web page, below Network > Advanced > Alarm server (HTTP listening):
  destination      {host}   port {port}   protocol HTTP
  url              {path}
  ANPR             linkage "notify surveillance center", plate pictures as you like
Its own address, user and password are needed to open the barrier.
With the option intake=pull nothing is typed in: the gates connect to the camera.
"""

    @override
    def parse(self, request: DeviceRequest, device: Device) -> Sequence[Message]:
        if request.method not in {"POST", "PUT"}:
            raise InvalidInput("cameras post", ("method",))
        kind, parameters = media_type(request.headers)
        if kind != "multipart/form-data":
            return [message_from(request.body, (), device)]
        parts = [part for part in multipart_parts(request.body, parameters.get("boundary", "")) if part.body]
        texts = [part.body for part in parts if part.body.lstrip().startswith(b"<")]
        if not texts:
            raise InvalidInput("no alert among the parts", ("body",))
        pictures = [part for part in parts if part.content_type.startswith("image/")]
        return [message_from(texts[0], ordered(pictures), device)]

    @override
    def reply(self, request: DeviceRequest, answers: Sequence[Answered], device: Device) -> DeviceReply:
        return DeviceReply(reason="")

    @override
    def check(self, device: Device) -> None:
        check_options(device, frozenset({"forward_is", "intake"}))
        check_choice(device, "forward_is", "forward", "reverse")
        check_choice(device, "intake", "push", "pull")
        if is_pulled(device) and not device.address:
            raise InvalidInput("a device that is called needs an address", ("address",))


def is_pulled(device: Device) -> bool:
    """Whether we connect to the device, because it cannot call us."""
    return device.protocol == HikvisionIsapi.name and device.options.get("intake") == "pull"


def ordered(pictures: Iterable[Part]) -> tuple[bytes, ...]:
    """Pictures of an alert, that of the whole car first."""
    ranked = sorted(pictures, key=lambda part: part.name.startswith("licensePlatePicture"))
    return tuple(part.body for part in ranked)


def message_from(body: bytes, pictures: tuple[bytes, ...], device: Device) -> Message:
    """The message of one alert; raises :class:`InvalidInput`."""
    alert = alert_from(body)
    if alert.anpr is not None:
        return _read(alert, alert.anpr, pictures, device)
    if alert.event_type.lower() in HEARTBEATS and alert.event_state != "active":
        at = device_time(alert.date_time, device, "dateTime") if alert.date_time else None
        return Heartbeat(serial=alert.mac_address.lower(), device_time=at)
    if not alert.event_type:
        raise InvalidInput("an alert says its type", ("eventType",))
    return Notice(what="alert", serial=alert.mac_address.lower())


def _read(alert: Alert, anpr: Anpr, pictures: tuple[bytes, ...], device: Device) -> Read:
    number, ground = _split(anpr.license_plate)
    original, _ = _split(anpr.original_plate)
    confidence = _confidence(anpr)
    history = HISTORY.get(anpr.data_type)
    other = Candidate(number=original, confidence=confidence)
    return Read(
        captured_at=device_time(alert.date_time, device, "dateTime"),
        number=number,
        colour=ground or COLOURS.get(anpr.plate_colour.lower(), Colour.UNKNOWN),
        confidence=confidence if number else 0.0,
        identity=alert.uuid or anpr.picture_id,
        serial=alert.mac_address.lower(),
        channel=_channel(alert),
        heading=_heading(anpr, device),
        candidates=(other,) if number and original and original != number else (),
        history=history,
        opened=history is True and anpr.gate_control == OPENED_BY_ITSELF,
        pictures=pictures,
    )


def _channel(alert: Alert) -> str:
    """A number and nothing else: it becomes part of the command's path."""
    channel = alert.channel or "1"
    if re.fullmatch("[0-9]{1,5}", channel) is None:
        raise InvalidInput("a channel is a number", ("channelID",))
    return channel


def _split(text: str) -> tuple[str, Colour | None]:
    """A number without the colour before it, and the colour; an unread plate is empty."""
    colour = COLOUR_SIGNS.get(text[:1])
    number = text[1:] if colour is not None else text
    return ("" if number.lower() in UNREAD or len(number) > NUMBER_MAX else number), colour


def _confidence(anpr: Anpr) -> float:
    """0 to 1; no surer than the weakest character, and 0 where the device says nothing."""
    said = [anpr.confidence_level, *anpr.char_believe.split(",")]
    known = [int(one) for one in map(str.strip, said) if re.fullmatch("[0-9]{1,3}", one)]
    return min(*known, 100) / 100 if known else 0.0


def _heading(anpr: Anpr, device: Device) -> Heading:
    heading = HEADINGS.get(anpr.direction.lower(), Heading.UNKNOWN)
    return turned(heading) if device.options.get("forward_is") == "reverse" else heading
