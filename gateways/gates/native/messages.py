"""The messages of a lasting connection: JSON with a ``type``, and an ``id`` by which answers are matched.

An event is that of ``POST /v1/gate-events`` with these two fields more; its answer is that of the request.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from gateways.gates.display import display
from gateways.gates.native.wire import GateEventIn, Name, Wire, answer_text
from gateways.web.problems import invalid, problem_document
from parking.errors import InvalidInput, LeaveFirstError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.gates.native.handouts import GrantsOut
    from parking.decision import Decision
    from parking.desk import Answer
    from parking.event import GateEvent
    from parking.live.openings import Opening

__all__ = [
    "EventMessage",
    "GrantsMessage",
    "Message",
    "answered",
    "commanded",
    "displayed",
    "granted",
    "id_in",
    "opened",
    "problem_told",
    "read_all",
]

ID_BYTES_MAX: Final = 64


class EventMessage(GateEventIn):
    """One vehicle seen by one lane."""

    type: Literal["event"]
    id: Annotated[Name, Field(description="Of your choice; the answer has it too.")]


class GrantsMessage(Wire):
    """Tell me of signed grants from now on, beginning with what changed since a place."""

    type: Literal["grants"]
    id: Name
    since: Annotated[str, Field(max_length=64)] = ""


Message = EventMessage | GrantsMessage
MESSAGE: Final[TypeAdapter[Message]] = TypeAdapter(Annotated[Message, Field(discriminator="type")])
MESSAGES: Final[TypeAdapter[list[Message]]] = TypeAdapter(
    list[Annotated[Message, Field(discriminator="type")]]
)


def read_all(texts: Sequence[bytes]) -> list[Message | InvalidInput]:
    """The message in each text, or what is wrong with it; checked together, because that costs half."""
    try:
        messages = MESSAGES.validate_json(b"[" + b",".join(texts) + b"]")
    except ValidationError:
        messages = []
    # Texts that are no messages one by one can be a list of them together, of another length.
    if len(messages) == len(texts):
        return list(messages)
    return [_read(text) for text in texts]


def _read(text: bytes) -> Message | InvalidInput:
    try:
        return MESSAGE.validate_json(text)
    except ValidationError as error:
        return invalid(error)


def answered(message_id: str, event: GateEvent, answer: Answer) -> str:
    """The answer to an event, as over HTTP."""
    text = answer_text(answer, display(event.plate, answer.decision))
    return f'{{"type":"answer","id":{encode_basestring(message_id)},{text[1:]}'


def problem_told(message_id: str | None, error: LeaveFirstError) -> str:
    """Why a message was not taken; without an id when it had none that could be read."""
    return _compact({"type": "problem", "id": message_id, "problem": problem_document(error)})


def id_in(text: bytes) -> str | None:
    """The id of a message that is wrong otherwise; half of a sign, which JSON can write, is none to tell."""
    try:
        document = json.loads(text)
        found = document.get("id") if isinstance(document, dict) else None
        return found if isinstance(found, str) and len(found.encode()) <= ID_BYTES_MAX else None
    except (ValueError, RecursionError):
        return None


def opened(event: GateEvent, decision: Decision) -> str:
    """A car that was held may pass: its lane is to report it again."""
    return _compact({"type": "open", **_held(event, decision)})


def displayed(event: GateEvent, decision: Decision) -> str:
    """A car stays held; what its driver is told has changed."""
    return _compact({"type": "display", **_held(event, decision)})


def commanded(opening: Opening) -> str:
    """An attendant has a lane's barrier opened; of the past after ``until``."""
    return _compact({
        "type": "command",
        "command": "open",
        "command_id": opening.opening_id,
        "garage_id": opening.garage_id,
        "lane_id": opening.lane_id,
        "reason": opening.reason,
        "until": opening.until.isoformat(),
    })  # fmt: skip


def granted(grants: GrantsOut) -> str:
    """What changed of a garage's signed grants."""
    return f'{{"type":"grants",{grants.model_dump_json()[1:]}'


def _held(event: GateEvent, decision: Decision) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "garage_id": event.garage_id,
        "lane_id": event.lane_id,
        "reason": decision.reason,
        "amount_fen": decision.amount_fen,
        "prepaid_fen": decision.prepaid_fen,
        "owed_fen": decision.owed_fen,
        "display": display(event.plate, decision),
    }


def _compact(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
