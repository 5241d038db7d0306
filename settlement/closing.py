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

if TYPE_CHECKING:
    from parking.clock import Clock
    from parking.garage import Garage
    from parking.ids import SessionId
    from parking.live.sessions import Sessions
    from parking.plate import Plate
    from settlement.review import ReviewItem

__all__ = ["Closer", "closing_event_id"]

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
        answer = await self._desk.answer(event, garage)
        if answer.session_id is None:
            raise Conflict(NOBODY_INSIDE)
        return answer.session_id

    async def _check(self, event: GateEvent) -> None:
        """Refuse what the desk would set aside again."""
        found = await self._sessions.take(self._sessions.steps.look(event))
        if not isinstance(found, Inside):
            return
        if event.captured_at > self._clock.now():
            raise Conflict("the event is dated in the future")
        if found.session is None or found.session.entered_at > event.captured_at:
            raise Conflict(NOBODY_INSIDE)


def closing_event_id(item_id: str) -> EventId:
    """The event that ends a session for an item."""
    return EventId(f"resolve:{item_id}")


def _event(item: ReviewItem, plate: Plate) -> GateEvent:
    if not item.can_match:
        raise Conflict("only an exit that ended no session can be matched with one")
    return GateEvent(
        event_id=closing_event_id(item.item_id),
        garage_id=item.garage_id,
        lane_id=LaneId(item.details["lane_id"]),
        kind=Kind.EXIT,
        captured_at=datetime.fromisoformat(item.details["captured_at"]),
        plate=plate,
        confidence=1.0,
        offline=True,
    )
