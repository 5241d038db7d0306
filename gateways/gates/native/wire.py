"""The native protocol's messages: JSON as garage controllers send and get it.

Input is checked here, once: types, lengths, forms, an offset on every time. Times are kept to the
millisecond, so that an event reads the same from every place it is ever written to.
"""

from __future__ import annotations

from datetime import UTC
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from parking.decision import Reason, Verdict
from parking.errors import InvalidInput
from parking.event import IMAGE_REFERENCE_MAX, Candidate, GateEvent, Kind
from parking.grant_token import TOKEN_MAX
from parking.ids import EventId, GarageId, LaneId
from parking.plate import Colour, parse_plate
from parking.stay_token import STAY_TOKEN_MAX, read_token

if TYPE_CHECKING:
    from parking.decision import Decision
    from parking.desk import Answer
    from parking.plate import Plate

__all__ = ["EVENT", "EVENTS", "GateAnswer", "GateEventIn", "Name", "Wire", "answer_text", "event_of"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Confidence = Annotated[float, Field(ge=0, le=1)]


def _as_date(value: object) -> object:
    """Numbers would be taken for seconds since 1970, also as text."""
    if not isinstance(value, str) or value[4:5] != "-":
        raise ValueError("a date and a time with an offset")
    return value


Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_as_date)]


class Wire(BaseModel):
    """Unknown fields are refused: a misspelt one must not silently mean its default."""

    model_config = ConfigDict(extra="forbid", strict=True)


class PlateIn(Wire):
    """A plate as the camera read it; empty when it could not."""

    number: Annotated[str, Field(max_length=32, examples=["浙A12345"])]
    colour: Colour = Colour.UNKNOWN


class CandidateIn(Wire):
    """Another reading."""

    number: Annotated[str, Field(max_length=32, pattern=r"^[^\x00-\x1f\x7f]*$")]
    confidence: Confidence


class GateEventIn(Wire):
    """One vehicle seen by one lane."""

    event_id: Annotated[Name, Field(description="Unique within the garage; repeat it when you re-send.")]
    garage_id: Name
    lane_id: Name
    kind: Kind
    captured_at: Annotated[Moment, Field(description="Device time, RFC 3339 with offset.")]
    plate: PlateIn | None = None
    confidence: Annotated[Confidence | None, Field(description="Of the plate; needed with one.")] = None
    candidates: Annotated[tuple[CandidateIn, ...], Field(max_length=10)] = ()
    offline: bool = False
    token: Annotated[
        str | None,
        Field(
            max_length=STAY_TOKEN_MAX,
            pattern=r"^[A-Z0-9-]+$",
            description="Of a car without a plate, in place of one: what its driver shows.",
        ),
    ] = None
    image_reference: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=IMAGE_REFERENCE_MAX,
            pattern=r"^[^\x00-\x1f\x7f]*$",
            description="By which your picture of it is found.",
        ),
    ] = None
    grant: Annotated[
        str | None,
        Field(
            max_length=TOKEN_MAX,
            pattern=r"^[A-Za-z0-9._-]+$",
            description="Of an offline exit: what it left on.",
        ),
    ] = None


class GateAnswer(Wire):
    """What the barrier does and why; money in fen."""

    event_id: str
    decision: Verdict
    reason: Reason
    session_id: str | None
    amount_fen: int
    limit_fen: int
    display: list[str]
    replayed: bool
    prepaid_fen: Annotated[int, Field(description="Of amount_fen: what was paid inside, if anything.")] = 0
    owed_fen: Annotated[int, Field(description="Of a debtor: for earlier stays.")] = 0
    payment_reference: Annotated[str | None, Field(description="Of a debtor: what to pay that by.")] = None


EVENT = TypeAdapter(GateEventIn)
EVENTS = TypeAdapter(list[GateEventIn])


def event_of(wire: GateEventIn) -> GateEvent:
    """The event; raises :class:`InvalidInput` for what cannot be a plate, a token, or a moment."""
    try:
        captured_at = wire.captured_at.astimezone(UTC)
        if captured_at.microsecond % 1000:
            captured_at = captured_at.replace(microsecond=captured_at.microsecond // 1000 * 1000)
    except OverflowError:
        raise InvalidInput("outside the years 1 to 9999 in UTC", ("captured_at",)) from None
    plate, confidence, token_digest = _vehicle(wire)
    return GateEvent(
        event_id=EventId(wire.event_id),
        garage_id=GarageId(wire.garage_id),
        lane_id=LaneId(wire.lane_id),
        kind=wire.kind,
        captured_at=captured_at,
        plate=plate,
        confidence=confidence,
        candidates=tuple([Candidate(number=one.number, confidence=one.confidence) for one in wire.candidates])
        if wire.candidates
        else (),
        offline=wire.offline,
        grant_token=wire.grant or "",
        token_digest=token_digest,
        image_reference=wire.image_reference or "",
    )


def _vehicle(wire: GateEventIn) -> tuple[Plate, float, str]:
    """Plate, its confidence, and the digest of the token that stands for it; a code is read or it is not."""
    if wire.plate is not None and wire.confidence is not None and wire.token is None:
        return parse_plate(wire.plate.number, wire.plate.colour), wire.confidence, ""
    if wire.plate is not None or wire.token is None:
        raise InvalidInput("either a plate with its confidence, or a token", ("plate", "confidence", "token"))
    token = read_token(wire.token)
    return token.plate, 1.0, token.digest


def answer_text(answer: Answer, display: list[str]) -> str:
    """A :class:`GateAnswer` as JSON; written out, because every car waits for it."""
    decision, session_id = answer.decision, answer.session_id
    session = f'"{session_id}"' if session_id is not None else "null"
    lines = ",".join([encode_basestring(line) for line in display])
    return (
        f'{{"event_id":{encode_basestring(answer.event_id)},"decision":"{decision.verdict}",'
        f'"reason":"{decision.reason}","session_id":{session},'
        f'"amount_fen":{decision.amount_fen},"limit_fen":{decision.limit_fen},"display":[{lines}],'
        f'"replayed":{"true" if answer.replayed else "false"}{_paid(decision)}{_owing(decision)}}}'
    )


def _paid(decision: Decision) -> str:
    return f',"prepaid_fen":{decision.prepaid_fen}' if decision.prepaid_fen else ""


def _owing(decision: Decision) -> str:
    if not decision.owed_fen:
        return ""
    reference = encode_basestring(decision.reference)
    return f',"owed_fen":{decision.owed_fen},"payment_reference":{reference}'
