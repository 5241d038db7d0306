"""The sessions of all garages in the live store, one method a step.

Each method is one function call on the server, atomic and idempotent by event id: the same event with
the same content gets the remembered answer, the same id with other content is a :class:`Conflict`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from parking.clock import to_ms
from parking.errors import CallerError, Conflict, Defect
from parking.ids import EventId, session_id_of
from parking.journal import Result
from parking.live.codec import (
    answer_from,
    decision_text,
    event_text,
    facts_text,
    grant_from,
    grant_text,
    session_from,
)
from parking.live.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from parking.decision import Decision
    from parking.event import GateEvent
    from parking.garage import Direction, Policy
    from parking.grant import Grant
    from parking.ids import GarageId, SessionId, TariffVersionId
    from parking.live.batching import BatchingConnection
    from parking.session import Session

MILLISECOND = timedelta(milliseconds=1)
CAR_FIELDS = ("s", "f", "v", "e", "g", "p", "pa", "pu")

__all__ = ["Changed", "Inside", "Kept", "Remembered", "Sessions", "Written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How long answers are remembered; longer than any event may be late, or a repeat acts twice."""

    answers: timedelta = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Remembered:
    """This event was answered before, and how."""

    decision: Decision
    session_id: SessionId | None


@dataclass(frozen=True, slots=True)
class Written:
    """The step is written; ``session_id`` is the session it concerned."""

    decision: Decision
    session_id: SessionId | None


@dataclass(frozen=True, slots=True)
class Changed:
    """The session is no longer as it was looked at: look again."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a look found: the session of the car inside, if there is one, and its grant."""

    session: Session | None
    grant: Grant | None


class Sessions:
    """Reads and steps of sessions; ``partition_count`` is that of the installation."""

    def __init__(self, live: BatchingConnection, *, partition_count: int, kept: Kept | None = None) -> None:
        self._live = live
        self._keys = Keys(partition_count)
        self._keep_ms = (kept or Kept()).answers // MILLISECOND

    async def look(self, event: GateEvent) -> Remembered | Inside:
        """The remembered answer, or the car inside that bears the event's plate."""
        keys = self._keys.of(event.garage_id)
        reply = await self._live.call(
            "FCALL_RO",
            "lf1_look",
            2,
            keys.event(event.event_id),
            keys.car(event.plate.number),
            event.digest(),
        )
        remembered = _remembered(reply)
        if remembered is not None:
            return remembered
        return _inside(event.garage_id, reply[1:])

    async def enter(
        self,
        event: GateEvent,
        *,
        decision: Decision,
        decision_if_twice: Decision,
        tariff_version_id: TariffVersionId,
        policy: Policy,
        received_at: datetime,
    ) -> Remembered | Written:
        """Open a session; a car already inside is a repeated read or displaces its old session."""
        keys = self._keys.of(event.garage_id)
        number = event.plate.number
        session_id = session_id_of(event.garage_id, event.event_id)
        text, session = decision_text(decision), str(session_id)
        reply = await self._live.call(
            "FCALL", "lf1_enter", 4,
            keys.event(event.event_id), keys.car(number), keys.inside, keys.journal,
            event.digest(), text, decision_text(decision_if_twice), self._keep_ms,
            event_text(event, received_at), session, facts_text(event, tariff_version_id),
            event.captured_ms, number, _ms(policy.duplicate_entry_within),
        )  # fmt: skip
        return _outcome(reply, f"{text};{session}", Written(decision, session_id))

    async def leave(
        self,
        event: GateEvent,
        session: Session,
        *,
        decision: Decision,
        policy: Policy,
        received_at: datetime,
        overrule_hold: bool = False,
    ) -> Remembered | Written | Changed:
        """Close the session as it was looked at.

        ``overrule_hold`` replaces a remembered hold of the same event, which is in the journal already;
        so this step is journalled under an event id of its own.
        """
        keys = self._keys.of(event.garage_id)
        number = event.plate.number
        session_id = str(session.session_id)
        answer = f"{decision_text(decision)};{session_id}"
        written = replace(event, event_id=EventId(f"{event.event_id}#left")) if overrule_hold else event
        reply = await self._live.call(
            "FCALL", "lf1_leave", 5,
            keys.event(event.event_id), keys.car(number), keys.inside, keys.left(number), keys.journal,
            event.digest(), answer, self._keep_ms, event_text(written, received_at),
            session_id, session.version, event.captured_ms, number,
            max(_ms(policy.turn_back_within), self._keep_ms), int(overrule_hold),
        )  # fmt: skip
        if reply[0] == b"changed":
            return Changed()
        return _outcome(reply, answer, Written(decision, session.session_id))

    async def turn_back(
        self,
        event: GateEvent,
        *,
        decision: Decision,
        decision_if_no_passage: Decision,
        direction: Direction,
        policy: Policy,
        received_at: datetime,
    ) -> Remembered | Written:
        """Undo the car's last passage through a lane of this direction."""
        keys = self._keys.of(event.garage_id)
        number = event.plate.number
        reply = await self._live.call(
            "FCALL", "lf1_turn_back", 5,
            keys.event(event.event_id), keys.car(number), keys.inside, keys.left(number), keys.journal,
            event.digest(), decision_text(decision), decision_text(decision_if_no_passage), self._keep_ms,
            event_text(event, received_at),
            direction, event.captured_ms, _ms(policy.turn_back_within), number,
        )  # fmt: skip
        return _outcome(reply)

    async def note(
        self,
        event: GateEvent,
        *,
        decision: Decision,
        session_id: SessionId | None,
        result: Result,
        received_at: datetime,
    ) -> Remembered | Written:
        """Record an event that changes no session."""
        keys = self._keys.of(event.garage_id)
        answer = f"{decision_text(decision)};{session_id or ''}"
        reply = await self._live.call(
            "FCALL", "lf1_note", 2, keys.event(event.event_id), keys.journal,
            event.digest(), answer, self._keep_ms, event_text(event, received_at), result,
        )  # fmt: skip
        return _outcome(reply, answer, Written(decision, session_id))

    async def find(self, garage_id: GarageId, number: str) -> Inside:
        """The car inside with this plate number."""
        keys = self._keys.of(garage_id)
        return _inside(garage_id, await self._live.call("HMGET", keys.car(number), *CAR_FIELDS))

    async def push_grant(self, session: Session, grant: Grant) -> bool:
        """Give a session its grant; ``False`` when the car is not inside any more."""
        keys = self._keys.of(session.garage_id)
        done = await self._live.call(
            "FCALL", "lf1_grant", 1, keys.car(session.plate.number),
            str(session.session_id), grant_text(grant),
        )  # fmt: skip
        return bool(done)

    async def prepay(self, session: Session, *, total_fen: int, paid_at: datetime, until: datetime) -> bool:
        """Tell the gates what was paid inside, in total; ``False`` when the car is not inside any more."""
        keys = self._keys.of(session.garage_id)
        done = await self._live.call(
            "FCALL", "lf1_prepay", 1, keys.car(session.plate.number),
            str(session.session_id), total_fen, to_ms(paid_at), to_ms(until),
        )  # fmt: skip
        return bool(done)

    async def occupancy(self, garage_id: GarageId) -> int:
        """Cars inside."""
        return int(await self._live.call("ZCARD", self._keys.of(garage_id).inside))

    async def inside(self, garage_id: GarageId, *, offset: int, limit: int) -> list[str]:
        """Plate numbers of cars inside, longest stay first."""
        found: Iterable[bytes] = await self._live.call(
            "ZRANGE", self._keys.of(garage_id).inside, offset, offset + limit - 1
        )
        return [number.decode() for number in found]


def _ms(span: timedelta) -> int:
    return span // MILLISECOND


def _remembered(reply: list[bytes]) -> Remembered | None:
    if reply[0] == b"conflict":
        raise Conflict("this event_id was used for an event with other content")
    if reply[0] == b"replayed":
        return Remembered(*_read(reply[1].decode()))
    return None


def _outcome(
    reply: list[bytes], proposed: str | None = None, as_proposed: Written | None = None
) -> Remembered | Written:
    """What became of a step; nearly always what was proposed, which then need not be read back."""
    remembered = _remembered(reply)
    if remembered is not None:
        return remembered
    text = reply[1].decode()
    if as_proposed is not None and text == proposed:
        return as_proposed
    return Written(*_read(text))


def _read(text: str) -> tuple[Decision, SessionId | None]:
    try:
        return answer_from(text)
    except ValueError as error:
        raise Defect("a remembered answer cannot be read by this version") from error


def _inside(garage_id: GarageId, found: list[Any]) -> Inside:
    if found[0] is None:
        return Inside(session=None, grant=None)
    fields = {
        name: value.decode() for name, value in zip(CAR_FIELDS, found, strict=True) if value is not None
    }
    try:
        session = session_from(garage_id, fields)
    except (KeyError, ValueError, TypeError, ArithmeticError, CallerError) as error:
        raise Defect("a session cannot be read by this version") from error
    return Inside(session=session, grant=_grant(fields.get("g")))


def _grant(text: str | None) -> Grant | None:
    """The grant; one that this version cannot read is none, and the garage's policy decides."""
    try:
        return grant_from(text) if text else None
    except (ValueError, ArithmeticError):
        return None
