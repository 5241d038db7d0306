"""OpenALPR and Rekor Scout: a web hook for each group of reads of one car.

The group is settled by the agent: it is sent once, with its best plate. Times are milliseconds since 1970;
the first of the group counts, so that nobody pays for standing before a barrier. Confidence is 0 to 100. A
channel is ``camera_id``, and ``serial``, where it is set, is ``agent_uid``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import override

from gateways.gates.protocol import DeviceReply, GateProtocol, Heartbeat, Notice, Read
from gateways.web.problems import invalid
from parking.event import Candidate
from parking.plate import Colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.gates.protocol import Answered, DeviceRequest, Message
    from parking.device import Device

__all__ = ["OpenAlpr"]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
CANDIDATES_MAX: Final = 10
GROUP: Final = "alpr_group"
HEARTBEAT: Final = "heartbeat"

Text = Annotated[str, Field(max_length=256)]
Percent = Annotated[float, Field(ge=0, le=100)]


class Wire(BaseModel):
    """What is read of a web hook; numbers are taken where text is expected."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Reading(Wire):
    """One way to read a plate."""

    plate: Text = ""
    confidence: Percent = 0.0


class BestPlate(Wire):
    """The reading that the agent settled on, and others."""

    candidates: Annotated[tuple[Reading, ...], Field(max_length=100)] = ()


class Envelope(Wire):
    """What every message says."""

    data_type: Text = ""
    agent_uid: Text = ""


class Group(Envelope):
    """One car."""

    epoch_start: Annotated[int, Field(ge=946_684_800_000, le=4_102_444_800_000)]
    camera_id: Text = ""
    best_uuid: Text = ""
    uuids: Annotated[tuple[Text, ...], Field(max_length=1000)] = ()
    best_plate_number: Text = ""
    best_confidence: Percent = 0.0
    best_plate: BestPlate = BestPlate()


class OpenAlpr(GateProtocol):
    """Agents of OpenALPR, which open nothing: their barrier hangs on something else."""

    name: ClassVar[str] = "openalpr"
    setup: ClassVar[str] = """\
In the agent's alprd.conf:
  upload_data = 1
  upload_address = {url}
"""

    @override
    def parse(self, request: DeviceRequest, device: Device) -> Sequence[Message]:
        try:
            envelope = Envelope.model_validate_json(request.body)
            if envelope.data_type != GROUP:
                return [_other(envelope)]
            return [_read(Group.model_validate_json(request.body))]
        except ValidationError as error:
            raise invalid(error) from None

    @override
    def reply(self, request: DeviceRequest, answers: Sequence[Answered], device: Device) -> DeviceReply:
        return DeviceReply()


def _other(envelope: Envelope) -> Message:
    if envelope.data_type == HEARTBEAT:
        return Heartbeat(serial=envelope.agent_uid)
    return Notice(what="hook", serial=envelope.agent_uid)


def _read(group: Group) -> Read:
    others = [
        one for one in group.best_plate.candidates if one.plate and one.plate != group.best_plate_number
    ]
    return Read(
        captured_at=EPOCH + timedelta(milliseconds=group.epoch_start),
        number=group.best_plate_number,
        colour=Colour.UNKNOWN,
        confidence=group.best_confidence / 100,
        identity=group.best_uuid or next(iter(group.uuids), ""),
        serial=group.agent_uid,
        channel=group.camera_id,
        candidates=tuple(
            Candidate(number=one.plate, confidence=one.confidence / 100) for one in others[:CANDIDATES_MAX]
        ),
    )
