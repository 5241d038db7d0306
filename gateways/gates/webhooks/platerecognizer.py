"""Plate Recognizer Stream: a web hook for each picture, with one or several plates on it.

The body is JSON, or a form with the same JSON in the field ``json`` and the picture in ``upload``. A channel
is ``camera_id``. The other readings that it offers become candidates; those without a score of their own are
not trusted more than that. Plates come in lower case and without a colour.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import override

from gateways.gates.forms import media_type, multipart_parts
from gateways.gates.protocol import YEARS, DeviceReply, GateProtocol, Notice, Read
from gateways.web.problems import invalid
from parking.errors import InvalidInput
from parking.event import Candidate
from parking.plate import Colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.gates.protocol import Answered, DeviceRequest, Message
    from parking.device import Device

__all__ = ["PlateRecognizer"]

FIRST: Final = datetime(YEARS.start, 1, 1, tzinfo=UTC)
LAST: Final = datetime(YEARS.stop, 1, 1, tzinfo=UTC)
Text = Annotated[str, Field(max_length=256)]
Score = Annotated[float, Field(ge=0, le=1)]


class Wire(BaseModel):
    """What is read of a web hook."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Reading(Wire):
    """One way to read a plate."""

    plate: Text = ""
    score: Score = 0.0


class Result(Reading):
    """One plate on the picture."""

    candidates: Annotated[tuple[Reading, ...], Field(max_length=50)] = ()


class Data(Wire):
    """One picture; ``timestamp`` has an offset."""

    camera_id: Text
    timestamp: Annotated[AwareDatetime, Field(ge=FIRST, lt=LAST)]
    filename: Text = ""
    results: Annotated[tuple[Result, ...], Field(max_length=20)] = ()


class Hook(Wire):
    """What kind of call it is."""

    event: Text = ""


class Call(Wire):
    """A web hook; only recognitions are read further."""

    hook: Hook
    data: dict[str, object] = {}


class Recognition(Wire):
    """A web hook that says what was read."""

    data: Data


CANDIDATES_MAX = 10
RECOGNITION = "recognition"


class PlateRecognizer(GateProtocol):
    """Plate Recognizer Stream, which opens nothing: its barrier hangs on something else."""

    name: ClassVar[str] = "platerecognizer"
    setup: ClassVar[str] = """\
In the stream's config.ini, below [[camera]] or for all cameras:
  webhook_targets = {url}
"""

    @override
    def parse(self, request: DeviceRequest, device: Device) -> Sequence[Message]:
        text, pictures = _contents(request)
        try:
            if Call.model_validate_json(text).hook.event != RECOGNITION:
                return [Notice(what="hook")]
            data = Recognition.model_validate_json(text).data
        except ValidationError as error:
            raise invalid(error) from None
        return [_read(one, data, pictures) for one in data.results]

    @override
    def reply(self, request: DeviceRequest, answers: Sequence[Answered], device: Device) -> DeviceReply:
        return DeviceReply()


def _contents(request: DeviceRequest) -> tuple[bytes, tuple[bytes, ...]]:
    kind, parameters = media_type(request.headers)
    if kind != "multipart/form-data":
        return request.body, ()
    parts = multipart_parts(request.body, parameters.get("boundary", ""))
    texts = [part.body for part in parts if part.name == "json"]
    if not texts:
        raise InvalidInput("no field json in the form", ("json",))
    return texts[0], tuple(part.body for part in parts if part.name == "upload")


def _read(result: Result, data: Data, pictures: tuple[bytes, ...]) -> Read:
    others = [one for one in result.candidates if one.plate and one.plate != result.plate]
    return Read(
        captured_at=data.timestamp,
        number=result.plate,
        colour=Colour.UNKNOWN,
        confidence=result.score,
        identity=f"{data.filename}#{result.plate}" if data.filename else "",
        channel=data.camera_id,
        candidates=tuple(
            Candidate(number=one.plate, confidence=one.score) for one in others[:CANDIDATES_MAX]
        ),
        pictures=pictures,
    )
