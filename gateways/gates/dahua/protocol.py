"""Dahua's ITSAPI: reads, heartbeats, what a camera tells of itself, and the answer that ends its re-sending.

A camera calls three paths below ``/NotificationInfo``, with a prefix where it takes one. Without
``"result":"true"`` it sends the same again, for ever. The answer opens nothing; a command does.

**Who it is.** Cameras do Digest authentication wrongly (empty realm, nonce and qop have been seen), so Digest
is refused in their configuration: a secret in the path, or, where only host and port can be typed in, the
camera's address on the network.

**Time** is the camera's local time. ``TimeZone`` beside it is not used, since sources do not agree whether it
is hours or a place in a list: the device's configured offset counts.

Not certain, and therefore an option: what ``Obverse`` means where a lane runs both ways (``obverse_is``: the
car drives towards the camera unless ``reverse``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from typing_extensions import override

from gateways.gates.dahua.wire import COLOURS, UNREAD, notification_from
from gateways.gates.forms import picture_from_base64
from gateways.gates.protocol import (
    DeviceReply,
    GateProtocol,
    Heading,
    Heartbeat,
    Read,
    check_choice,
    check_options,
    device_time,
    turned,
)
from parking.device import Proof
from parking.errors import InvalidInput
from parking.plate import Colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.gates.dahua.wire import Picture
    from gateways.gates.protocol import Answered, DeviceRequest, Message
    from parking.device import Device

__all__ = ["DahuaItsapi"]

OPTIONS: Final = frozenset({"obverse_is", "open_by", "open_type", "open_channel"})
HEADINGS: Final = {"obverse": Heading.FORWARD, "reverse": Heading.REVERSE}
TAKEN: Final = DeviceReply(headers=(("Content-Type", "application/json"),), body=b'{"result":"true"}')


class DahuaItsapi(GateProtocol):
    """Cameras that push in the form of ITSAPI."""

    name: ClassVar[str] = "dahua"
    fixed_paths: ClassVar[frozenset[str]] = frozenset(
        f"/NotificationInfo/{each}" for each in ("TollgateInfo", "KeepAlive", "DeviceInfo")
    )
    setup: ClassVar[str] = """\
On the camera's web page, below Setting > Network > ITSAPI (also "HTTP upload"):
  platform server  {host}   port {port}   authentication off
  path             {path}/NotificationInfo/TollgateInfo   (and KeepAlive, DeviceInfo)
  data             plate, vehicle, pictures as you like; re-sending on
A camera whose path is fixed is known by its own address: add it with that as its proof.
"""

    @override
    def parse(self, request: DeviceRequest, device: Device) -> Sequence[Message]:
        if request.method != "POST":
            raise InvalidInput("cameras post", ("method",))
        notification = notification_from(request.body)
        if notification.picture is not None:
            return [_read(notification.picture, device)]
        if request.path.rstrip("/").endswith(("KeepAlive", "DeviceInfo")):
            return [Heartbeat(serial=notification.device_id)]
        raise InvalidInput("none of the notifications of a camera", ("body",))

    @override
    def reply(self, request: DeviceRequest, answers: Sequence[Answered], device: Device) -> DeviceReply:
        return TAKEN

    @override
    def check(self, device: Device) -> None:
        check_options(device, OPTIONS)
        check_choice(device, "obverse_is", "forward", "reverse")
        check_choice(device, "open_by", "trafficSnap", "trafficParking")
        check_choice(device, "open_type", "Normal", "Test")
        if not device.options.get("open_channel", "1").isdecimal():
            raise InvalidInput("a whole number", ("options.open_channel",))
        if device.proof is Proof.DIGEST:
            raise InvalidInput("these cameras do Digest wrongly: a token, or the address", ("proof",))


def _read(picture: Picture, device: Device) -> Read:
    plate, snap = picture.plate, picture.snap
    unread = not plate.exists or plate.number.lower() in UNREAD
    heading = HEADINGS.get(snap.direction.lower(), Heading.UNKNOWN)
    images = (picture.normal, picture.vehicle, picture.cutout)
    return Read(
        captured_at=device_time(snap.accurate_time or snap.snap_time, device, "SnapInfo.AccurateTime"),
        number="" if unread else plate.number,
        colour=COLOURS.get(plate.colour.lower(), Colour.UNKNOWN),
        confidence=0.0 if unread else plate.confidence / 100,
        identity=next((one.name for one in images if one.name), ""),
        serial=snap.device_id,
        channel=str(snap.lane),
        heading=turned(heading) if device.options.get("obverse_is") == "reverse" else heading,
        pictures=tuple(picture_from_base64(one.content) for one in images if one.content),
    )
