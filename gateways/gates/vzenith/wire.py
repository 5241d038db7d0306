"""Vzenith's messages as JSON, and its code lists.

Unknown fields are ignored: firmware adds some with every version. Numbers are taken also where a camera
writes them as text.
"""

from __future__ import annotations

import base64
from typing import Annotated, Final

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gateways.gates.protocol import BODY_BYTES_MAX
from gateways.web.problems import invalid
from parking.plate import Colour

__all__ = [
    "COLOURS",
    "DIRECTIONS",
    "OPENED_BY_ITSELF",
    "STAYS",
    "STAY_OVER",
    "TURNED_BACK",
    "UNREAD",
    "UNREADABLE_TYPES",
    "AlarmInfoPlate",
    "PlateResult",
    "Push",
    "Wire",
    "push_from",
]

COLOURS: Final = (
    Colour.UNKNOWN,
    Colour.BLUE,
    Colour.YELLOW,
    Colour.WHITE,
    Colour.BLACK,
    Colour.GREEN,
    Colour.YELLOW_GREEN,
)
"""By ``colorType``."""
NUMBERS: Final = {colour.value: number for number, colour in enumerate(COLOURS)}
DIRECTIONS: Final = {3: "up", 4: "down"}
"""By ``direction``, as the car moves in the picture; 0 is unknown, 1 left, 2 right."""
STAYS: Final = 64
STAY_OVER: Final = 65
TURNED_BACK: Final = 66
"""``triggerType``; the others say what made the camera look, which is nobody's business here."""
UNREADABLE_TYPES: Final = frozenset({29, 30, 31})
"""``type``: no real plate, only a maker's badge, no plate at all."""
UNREAD: Final = frozenset({"_无_", "无牌车", ""})
OPENED_BY_ITSELF: Final = 2
"""``ctrltype``: opened from the camera's own list while it was cut off."""

Text = Annotated[str, Field(max_length=256)]
Picture = Annotated[str, Field(max_length=BODY_BYTES_MAX, repr=False)]


class Wire(BaseModel):
    """What is read of a message."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


def _colour_number(value: object) -> object:
    """Some firmware writes a colour in base64, as it does plates; what is no colour stops no car."""
    if not isinstance(value, str) or value.isdecimal():
        return value
    try:
        text = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return 0
    return text if text.isdecimal() else NUMBERS.get(text, 0)


class Timeval(Wire):
    """``sec`` is seconds since 1970; the fields of local time beside it are not needed."""

    sec: Annotated[int, Field(ge=0, le=4_102_444_800)]
    usec: Annotated[int, Field(ge=0, lt=1_000_000)] = 0


class TimeStamp(Wire):
    """When the frame was taken."""

    timeval: Annotated[Timeval, Field(alias="Timeval")]


class GpioOut(Wire):
    """What the camera did with one of its outputs."""

    ctrltype: int = 0


class PlateResult(Wire):
    """One plate read."""

    license: Text = ""
    colour_type: Annotated[int, BeforeValidator(_colour_number), Field(alias="colorType")] = 0
    type: int = 0
    confidence: Annotated[int, Field(ge=0, le=100)] = 0
    direction: int = 0
    trigger_type: Annotated[int, Field(alias="triggerType")] = 0
    plateid: int | None = None
    """Older firmware has none."""
    isoffline: int = 0
    is_fake_plate: int = 0
    image_file: Annotated[
        Picture, Field(validation_alias=AliasChoices("imageFile", "full_image_content"))
    ] = ""
    image_fragment_file: Annotated[
        Picture, Field(validation_alias=AliasChoices("imageFragmentFile", "small_image_content"))
    ] = ""
    timestamp: Annotated[TimeStamp, Field(alias="timeStamp")]
    gioouts: Annotated[tuple[GpioOut, ...], Field(max_length=16)] = ()


class Result(Wire):
    """The envelope of a read."""

    plate: Annotated[PlateResult, Field(alias="PlateResult")]


class AlarmInfoPlate(Wire):
    """A read and who sends it."""

    channel: int = 0
    serialno: Text = ""
    result: Result


class Push(Wire):
    """Any message that is JSON; of those without an effect only their presence is noted."""

    plate: Annotated[AlarmInfoPlate | None, Field(alias="AlarmInfoPlate")] = None
    io: Annotated[object, Field(alias="AlarmGioIn")] = None
    serial: Annotated[object, Field(alias="SerialData")] = None
    snapshot: Annotated[object, Field(alias="TriggerImage")] = None


def push_from(body: bytes) -> Push:
    """The message; raises :class:`InvalidInput` with the names of wrong fields, never their values."""
    try:
        return Push.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None
