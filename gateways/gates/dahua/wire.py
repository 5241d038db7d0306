"""Dahua's notifications as JSON, and its words for colours.

Unknown fields are ignored: firmware adds some with every version. What a camera leaves empty is as if it were
not there.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateways.gates.protocol import BODY_BYTES_MAX
from gateways.web.problems import invalid
from parking.plate import Colour

__all__ = ["COLOURS", "UNREAD", "Notification", "Picture", "notification_from"]

COLOURS: Final = {
    "blue": Colour.BLUE,
    "yellow": Colour.YELLOW,
    "white": Colour.WHITE,
    "black": Colour.BLACK,
    "green": Colour.GREEN,
    "shadowgreen": Colour.GREEN,
    "yellowgreen": Colour.YELLOW_GREEN,
}
"""By ``PlateColor``, in lower case."""
UNREAD: Final = frozenset({"", "unknown", "无牌车", "unlicensed"})

Text = Annotated[str, Field(max_length=256)]
Content = Annotated[str, Field(max_length=BODY_BYTES_MAX, repr=False)]


class Wire(BaseModel):
    """What is read of a notification."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Plate(Wire):
    """``Confidence`` is 0 to 100."""

    number: Annotated[Text, Field(alias="PlateNumber")] = ""
    colour: Annotated[Text, Field(alias="PlateColor")] = ""
    confidence: Annotated[int, Field(alias="Confidence", ge=0, le=100)] = 0
    exists: Annotated[bool, Field(alias="IsExist")] = True


class SnapInfo(Wire):
    """When and where; the times are the camera's own, without an offset."""

    accurate_time: Annotated[Text, Field(alias="AccurateTime")] = ""
    snap_time: Annotated[Text, Field(alias="SnapTime")] = ""
    direction: Annotated[Text, Field(alias="Direction")] = ""
    device_id: Annotated[Text, Field(alias="DeviceID")] = ""
    lane: Annotated[int, Field(alias="LanNo", ge=0, le=99)] = 1


class Image(Wire):
    """A picture as base64."""

    content: Annotated[Content, Field(alias="Content")] = ""
    name: Annotated[Text, Field(alias="PicName")] = ""


class Picture(Wire):
    """One read, with up to three pictures."""

    plate: Annotated[Plate, Field(alias="Plate")]
    snap: Annotated[SnapInfo, Field(alias="SnapInfo")]
    normal: Annotated[Image, Field(alias="NormalPic")] = Image()
    vehicle: Annotated[Image, Field(alias="VehiclePic")] = Image()
    cutout: Annotated[Image, Field(alias="CutoutPic")] = Image()


class Notification(Wire):
    """Any notification; without a ``Picture`` it says that the camera is there."""

    picture: Annotated[Picture | None, Field(alias="Picture")] = None
    device_id: Annotated[Text, Field(alias="DeviceID")] = ""


def notification_from(body: bytes) -> Notification:
    """The notification; raises :class:`InvalidInput` with the names of wrong fields, never their values."""
    try:
        return Notification.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None
