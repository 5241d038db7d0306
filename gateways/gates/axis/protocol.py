"""Axis License Plate Verifier's push events: of one car there is ``new``, ``update`` and at last ``lost``.

All messages of a car have its ``carID``. Its number may change from one to the next, its direction is unknown
in the first, and ``lost`` comes some ten seconds after the last sight of it. What that means for entries and
exits is decided in ``tracked_reads.py``. The body is JSON, alone or as a part of a form with pictures beside.

Not certain, and therefore an option: which way ``in`` is (``in_is``: towards the camera unless ``reverse``).
``plateConfidence`` is taken for a share up to 1 and for a percentage above. A channel is the region of
interest (``roiID``, else 1); a camera that says no serial number (``camera_info``) is any.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import override

from gateways.gates.forms import media_type, multipart_parts, picture_from_base64
from gateways.gates.protocol import (
    BODY_BYTES_MAX,
    DeviceReply,
    GateProtocol,
    Heading,
    Heartbeat,
    Notice,
    Read,
    check_choice,
    check_options,
    check_whole,
    turned,
)
from gateways.web.problems import invalid
from parking.errors import InvalidInput
from parking.plate import Colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.gates.protocol import Answered, DeviceRequest, Message
    from parking.device import Device

__all__ = ["AxisPlateVerifier"]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
STATES: Final = frozenset({"new", "update", "lost"})
HEADINGS: Final = {"in": Heading.FORWARD, "out": Heading.REVERSE}
OPTIONS: Final = frozenset({"settle_ms", "free_flow", "in_is", "port", "pulse_ms"})

Text = Annotated[str, Field(max_length=256)]
Plate = Annotated[str, Field(max_length=32)]


class Wire(BaseModel):
    """What is read of a message."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class CameraInfo(Wire):
    """Which camera it is."""

    serial: Annotated[Text, Field(alias="SerialNumber")] = ""


class Image(Wire):
    """A picture within the message."""

    content: Annotated[str, Field(alias="BinaryImage", max_length=BODY_BYTES_MAX, repr=False)] = ""


class Event(Wire):
    """One message of a track; without a state it is a sign of life."""

    car_id: Annotated[Text, Field(alias="carID")] = ""
    state: Annotated[Text, Field(alias="carState")] = ""
    number: Annotated[
        Plate, Field(validation_alias=AliasChoices("plateUTF8", "plateUnicode", "plateText"))
    ] = ""
    confidence: Annotated[float, Field(alias="plateConfidence", ge=0, le=100)] = 0.0
    captured_ms: Annotated[
        int, Field(alias="capture_timestamp", ge=946_684_800_000, le=4_102_444_800_000)
    ] = 946_684_800_000
    direction: Annotated[Text, Field(alias="carMoveDirection")] = ""
    region: Annotated[Text, Field(alias="roiID")] = "1"
    camera: Annotated[CameraInfo, Field(alias="camera_info")] = CameraInfo()
    images: Annotated[tuple[Image, ...], Field(alias="ImageArray", max_length=4)] = ()


class AxisPlateVerifier(GateProtocol):
    """Axis cameras with License Plate Verifier."""

    name: ClassVar[str] = "axis"
    setup: ClassVar[str] = """\
On the application's page, below Integration > Push events:
  protocol         HTTP POST
  server URL       {url}
  event types      new, update and lost
  keepalive        on
The camera's own address, user and password are needed to open a barrier on its output.
"""

    @override
    def parse(self, request: DeviceRequest, device: Device) -> Sequence[Message]:
        text, pictures = _contents(request)
        try:
            event = Event.model_validate_json(text)
        except ValidationError as error:
            raise invalid(error) from None
        state = event.state.lower()
        if state in STATES:
            return [_read(event, pictures, device)]
        if state:
            return [Notice(what="state", serial=event.camera.serial)]
        if event.number:
            raise InvalidInput("a read says which car it is of, and whether it is new", ("carState",))
        return [Heartbeat(serial=event.camera.serial)]

    @override
    def reply(self, request: DeviceRequest, answers: Sequence[Answered], device: Device) -> DeviceReply:
        return DeviceReply()

    @override
    def check(self, device: Device) -> None:
        check_options(device, OPTIONS)
        check_choice(device, "in_is", "forward", "reverse")
        check_choice(device, "free_flow", "yes", "no")
        check_whole(device, "settle_ms", range(10_001))
        check_whole(device, "port", range(1, 33))
        check_whole(device, "pulse_ms", range(1, 30_001))


def _contents(request: DeviceRequest) -> tuple[bytes, tuple[bytes, ...]]:
    kind, parameters = media_type(request.headers)
    if kind != "multipart/form-data":
        return request.body, ()
    parts = multipart_parts(request.body, parameters.get("boundary", ""))
    texts = [part.body for part in parts if part.body.lstrip().startswith(b"{")]
    if not texts:
        raise InvalidInput("no event among the parts", ("body",))
    return texts[0], tuple(part.body for part in parts if part.content_type.startswith("image/"))


def _read(event: Event, pictures: tuple[bytes, ...], device: Device) -> Read:
    if not event.car_id:
        raise InvalidInput("a read says which car it is of", ("carID",))
    if "captured_ms" not in event.model_fields_set:
        raise InvalidInput("a read says when it was made", ("capture_timestamp",))
    heading = HEADINGS.get(event.direction.lower(), Heading.UNKNOWN)
    return Read(
        captured_at=EPOCH + timedelta(milliseconds=event.captured_ms),
        number=event.number,
        colour=Colour.UNKNOWN,
        confidence=event.confidence / 100 if event.confidence > 1 else event.confidence,
        identity=f"{event.car_id}#{event.number}",
        serial=event.camera.serial,
        channel=event.region or "1",
        heading=turned(heading) if device.options.get("in_is") == "reverse" else heading,
        pictures=pictures or tuple(picture_from_base64(one.content) for one in event.images if one.content),
        track=event.car_id,
        begins_track=event.state.lower() == "new",
        ends_track=event.state.lower() == "lost",
    )
