"""Ends the stay of a car whose exit ended none: its plate was not read, or not surely, or the entry was late.

The session is closed as of the moment of the item's event, by an event of its own whose id follows from the
item. The live store remembers that event, so that repeating it changes nothing, and naming another car for
the same item is a :class:`Conflict`. No barrier moves for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from parking.case import Timeliness
from parking.desk import Desk
from parking.errors import Conflict
from parking.event import GateEvent, Kind
from parking.ids import EventId, LaneId
from parking.live.outcomes import Inside
from parking.visits import Passage
from settlement.review import item_id_of

if TYPE_CHECKING:
    from parking.clock import Clock
    from parking.garage import Garage
    from parking.ids import GarageId, SessionId
    from parking.live.sessions import Sessions
    from parking.plate import Plate
    from parking.session import Session
    from settlement.review import ReviewItem

__all__ = ["SETTLES", "Closer", "closing_event", "closing_event_id"]

SETTLES: Final = "resolve:"
"""How the ids of events begin that no gate has sent."""
EVER: Final = timedelta(days=36_500)
"""What is settled now may be older than any rule for gates allows."""
NOBODY_INSIDE: Final = "no session of this car was open at that moment"


class Closer:
    """Closes sessions for items under review, whoever decided whose they are."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._desk = Desk(sessions, clock, Timeliness(window=EVER))

    async def close(self, item: ReviewItem, plate: Plate, garage: Garage | None) -> SessionId:
        """End the stay of the car with this plate as of the item's event; repeating it changes nothing.

        Raises :class:`Conflict` when the item is no exit that ended no session, or the car was not inside.
        """
        event = _event(item, plate)
        if garage is None:
            raise Conflict("the garage has no tariff")
        await self._check(event)
        return (await self._close(event, garage))[0]

    async def close_session(self, event: GateEvent, session: Session, garage: Garage) -> int:
        """End that stay, and no other of the car, by an event made by :func:`closing_event`; its fee in fen.

        Raises :class:`Conflict` when it is not the one that the car is inside for.
        """
        await self._check(event, session.session_id)
        return (await self._close(event, garage))[1]

    async def _close(self, event: GateEvent, garage: Garage) -> tuple[SessionId, int]:
        answer = await self._desk.answer(event, garage)
        if answer.session_id is None:
            raise Conflict(NOBODY_INSIDE)
        return answer.session_id, answer.decision.amount_fen

    async def _check(self, event: GateEvent, session_id: SessionId | None = None) -> None:
        """Refuse what the desk would set aside again, or would take for another stay."""
        found = await self._sessions.take(self._sessions.steps.look(event))
        if not isinstance(found, Inside):
            return
        if event.captured_at > self._clock.now():
            raise Conflict("the event is dated in the future")
        if found.session is None or found.session.entered_at > event.captured_at:
            raise Conflict(NOBODY_INSIDE)
        if session_id not in {None, found.session.session_id}:
            raise Conflict("the car is inside for another stay")


def closing_event_id(item_id: str) -> EventId:
    """The event that ends a session for an item."""
    return EventId(f"{SETTLES}{item_id}")


def closing_event(garage_id: GarageId, passage: Passage, plate: Plate) -> GateEvent:
    """The event that stands for a passage of the past, once it is known whose it was."""
    return GateEvent(
        event_id=closing_event_id(item_id_of(garage_id, passage.event_id)),
        garage_id=garage_id,
        lane_id=passage.lane_id,
        kind=passage.kind,
        captured_at=passage.at,
        plate=plate,
        confidence=1.0,
        offline=True,
    )


def _event(item: ReviewItem, plate: Plate) -> GateEvent:
    if not item.can_match:
        raise Conflict("only an exit that ended no session can be matched with one")
    passage = Passage(
        event_id=EventId(item.details["event_id"]),
        kind=Kind.EXIT,
        at=datetime.fromisoformat(item.details["captured_at"]),
        lane_id=LaneId(item.details["lane_id"]),
        plate=plate,
    )
    return closing_event(item.garage_id, passage, plate)
