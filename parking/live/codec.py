"""How values are written in the live store: short, because every byte is multiplied by every car.

Pure; the same functions read and write, so that what one process writes another understands. Unknown
fields are ignored and missing optional ones have defaults: neighbouring versions can run side by side.
"""

from __future__ import annotations

import json
from functools import lru_cache
from json.encoder import encode_basestring
from typing import TYPE_CHECKING
from uuid import UUID

from parking.benefits import parse_benefits
from parking.clock import from_ms, to_ms
from parking.decision import Decision, Reason, Verdict
from parking.event import Candidate, GateEvent, Kind
from parking.ids import AccountId, EventId, GarageId, LaneId, SessionId, TariffVersionId
from parking.journal import BOOKED_AGAIN, Record, Result
from parking.language import Language
from parking.plate import Colour, Plate
from parking.price_facts import changes_text, earlier_text, parse_changes, parse_earlier
from parking.session import Session, Step

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from parking.ids import Partition

__all__ = [
    "answer_from",
    "decision_text",
    "event_from",
    "event_text",
    "facts_text",
    "record_from",
    "sent_again",
    "session_facts",
    "session_fields",
    "session_from",
]

compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
DECODER = json.JSONDecoder()


def decision_text(decision: Decision) -> str:
    """``verdict;reason;amount;limit``.

    Of a debtor, the limit is ``limit/owed/reference``; ``/language`` follows where one was chosen, and then
    what was paid inside.
    """
    text = f"{decision.verdict};{decision.reason};{decision.amount_fen};{decision.limit_fen}"
    if decision.prepaid_fen:
        told = f"{decision.owed_fen}/{decision.reference}/{decision.language or ''}"
        return f"{text}/{told}/{decision.prepaid_fen}"
    if decision.language is not None:
        return f"{text}/{decision.owed_fen}/{decision.reference}/{decision.language}"
    return f"{text}/{decision.owed_fen}/{decision.reference}" if decision.owed_fen else text


def answer_from(text: str) -> tuple[Decision, SessionId | None]:
    """A remembered answer: a decision, then the session it was about."""
    verdict, reason, amount, limit, session = text.split(";")
    limit, owed, reference, language, prepaid = (*limit.split("/"), "", "", "", "")[:5]
    decision = Decision(
        verdict=Verdict(verdict),
        reason=Reason(reason),
        amount_fen=int(amount),
        limit_fen=int(limit),
        owed_fen=int(owed or 0),
        reference=reference,
        language=Language(language) if language else None,
        prepaid_fen=int(prepaid or 0),
    )
    return decision, SessionId(UUID(session)) if session else None


def event_text(event: GateEvent, received_at: datetime) -> str:
    """One event, as its journal record carries it."""
    quoted = encode_basestring
    candidates = "".join(
        f',"m":{compact([[one.number, one.confidence] for one in event.candidates])}'
        if event.candidates
        else ""
    )
    return (
        f'{{"i":{quoted(event.event_id)},"g":{quoted(event.garage_id)},"l":{quoted(event.lane_id)},'
        f'"k":"{event.kind}","c":{event.captured_ms},"q":{to_ms(received_at)},'
        f'"n":{quoted(event.plate.number)},"o":"{event.plate.colour}","f":{event.confidence!r},'
        f'"z":{int(event.offline)}{candidates}{_shown(event)}{_clock(event)}}}'
    )


def _shown(event: GateEvent) -> str:
    """What few events have."""
    texts = (("t", event.grant_token), ("u", event.token_digest), ("p", event.image_reference))
    return "".join([f',"{name}":{encode_basestring(text)}' for name, text in texts if text])


def _clock(event: GateEvent) -> str:
    return ',"w":1' if event.clock_wrong else ""


def facts_text(event: GateEvent, tariff_version_id: TariffVersionId) -> str:
    """What an entry fixes for the whole stay."""
    return _facts(event.event_id, event.lane_id, event.captured_at, event.plate, tariff_version_id)


def session_facts(session: Session) -> str:
    """The same, of a session that is known from elsewhere."""
    return _facts(
        session.entry_event_id,
        session.entry_lane_id,
        session.entered_at,
        session.plate,
        session.tariff_version_id,
    )


def _facts(
    event_id: EventId,
    lane_id: LaneId,
    entered_at: datetime,
    plate: Plate,
    tariff_version_id: TariffVersionId,
) -> str:
    quoted = encode_basestring
    return (
        f'{{"i":{quoted(event_id)},"l":{quoted(lane_id)},"c":{to_ms(entered_at)},'
        f'"n":{quoted(plate.number)},"o":"{plate.colour}","t":{quoted(tariff_version_id)}}}'
    )


def session_fields(session: Session) -> list[str | int]:
    """A session without its grant and benefits, as names and values of a journal record."""
    fields: list[str | int] = [
        "s",
        str(session.session_id),
        "f",
        session_facts(session),
        "v",
        session.version,
    ]
    if session.prepaid_at is not None and session.prepaid_until is not None:
        paid = (session.prepaid_fen, to_ms(session.prepaid_at), to_ms(session.prepaid_until))
        fields += ["p", paid[0], "pa", paid[1], "pu", paid[2]]
    if session.left_at is not None:
        fields += ["o", to_ms(session.left_at)]
    if session.earlier:
        fields += ["y", earlier_text(session.earlier)]
    if session.changes:
        fields += ["c", changes_text(session.changes)]
    return fields


def session_from(garage_id: GarageId, fields: Mapping[str, str]) -> Session:
    """A session from its hash, or from the journal's copy of it."""
    facts, _ = DECODER.raw_decode(fields["f"])
    grant = fields.get("g")
    account = grant.rpartition(";")[2] if grant else ""
    return Session(
        session_id=SessionId(UUID(int=int(fields["s"].replace("-", ""), 16))),
        garage_id=garage_id,
        plate=_plate(facts["n"], facts["o"]),
        entered_at=from_ms(facts["c"]),
        entry_lane_id=LaneId(facts["l"]),
        entry_event_id=EventId(facts["i"]),
        tariff_version_id=TariffVersionId(facts["t"]),
        version=int(fields["v"]),
        account_id=AccountId(UUID(account)) if account else None,
        prepaid_fen=int(fields.get("p", 0)),
        prepaid_at=_moment(fields.get("pa")),
        prepaid_until=_moment(fields.get("pu")),
        benefits=parse_benefits(fields["b"]) if "b" in fields else None,
        earlier=parse_earlier(fields.get("y", "")),
        changes=parse_changes(fields.get("c", "")),
        left_at=_moment(fields.get("o")),
    )


def record_from(position: str, partition: Partition, fields: Mapping[str, str]) -> Record:
    """A journal record; raises ``KeyError`` or ``ValueError`` for one that nobody can read."""
    event = event_from(fields["e"])
    decision, _ = answer_from(fields["d"])
    step = None if fields["x"] == "-" else Step(fields["x"])
    return Record(
        position=position,
        partition=partition,
        event=event[0],
        received_at=event[1],
        result=Result(fields["r"]),
        decision=decision,
        step=step,
        session=session_from(event[0].garage_id, fields) if step is not None else None,
        superseded=_other_session(event[0].garage_id, fields, "o"),
        resumed=_other_session(event[0].garage_id, fields, "r"),
        raw=fields,
    )


def sent_again(raw: Mapping[str, str]) -> dict[str, str]:
    """The fields of a readable record, under an event id that the books do not know yet."""
    event = json.loads(raw["e"])
    return {**raw, "e": compact(event | {"i": f"{event['i']}{BOOKED_AGAIN}"})}


def _other_session(garage_id: GarageId, fields: Mapping[str, str], prefix: str) -> Session | None:
    """One that a record names beside its own, without grant and payments."""
    if f"{prefix}s" not in fields:
        return None
    return session_from(
        garage_id, {name: fields[f"{prefix}{name}"] for name in "sfvy" if f"{prefix}{name}" in fields}
    )


def event_from(text: str) -> tuple[GateEvent, datetime]:
    """The inverse of :func:`event_text`: the event, and when it was received."""
    raw = json.loads(text)
    event = GateEvent(
        event_id=EventId(raw["i"]),
        garage_id=GarageId(raw["g"]),
        lane_id=LaneId(raw["l"]),
        kind=Kind(raw["k"]),
        captured_at=from_ms(raw["c"]),
        plate=Plate(number=raw["n"], colour=Colour(raw["o"])),
        confidence=raw["f"],
        candidates=tuple(Candidate(number=number, confidence=sure) for number, sure in raw.get("m", ())),
        offline=bool(raw["z"]),
        grant_token=raw.get("t", ""),
        clock_wrong=bool(raw.get("w", 0)),
        token_digest=raw.get("u", ""),
        image_reference=raw.get("p", ""),
    )
    return event, from_ms(raw["q"])


@lru_cache(maxsize=65_536)
def _plate(number: str, colour: str) -> Plate:
    return Plate(number=number, colour=Colour(colour))


def _moment(milliseconds: str | None) -> datetime | None:
    return from_ms(int(milliseconds)) if milliseconds else None
