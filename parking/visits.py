"""Which passages of one car belong together, when they are looked at in the order in which they happened.

Gates decide in the order in which they are asked. A garage that was cut off reports in any order: an exit
before its entry, a second visit before the first. Once everything is known there is one answer to who was
inside from when to when, by the same rules as at the desk (:mod:`parking.desk`), and it is worked out here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from parking.event import Kind
from parking.garage import Direction

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from parking.garage import Policy
    from parking.ids import EventId, LaneId, SessionId
    from parking.plate import Plate

__all__ = ["Passage", "Visit", "visits_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A car went through a lane, or turned back in it.

    ``direction`` is that of the lane. An entry's ``session_id`` is the session that it has opened, if any.
    """

    event_id: EventId
    kind: Kind
    at: datetime
    lane_id: LaneId
    plate: Plate
    direction: Direction = Direction.BOTH
    session_id: SessionId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """From an entry to an exit; without one the car is inside, or how it left was not seen.

    ``reads`` are all of its entry, oldest first, and ``entry`` is the one that counts.
    """

    entry: Passage
    reads: tuple[Passage, ...]
    exit: Passage | None = None
    voided: bool = False
    """It turned back at the entry."""

    @property
    def began_at(self) -> datetime:
        """When the car was first read."""
        return self.reads[0].at

    @property
    def is_open(self) -> bool:
        """Whether an exit can end it."""
        return self.exit is None and not self.voided


ORDER: Final = {Kind.ENTRY: 0, Kind.EXIT: 1, Kind.TURN_BACK: 2}
"""Of passages at one moment: a stay may take no time."""


def visits_of(passages: Iterable[Passage], policy: Policy) -> list[Visit]:
    """The visits of one car to one garage, oldest first; passages that belong to none are left out.

    Of two entries that are one read twice, that counts which has opened a session, else the first; the visit
    begins at the first in any case.
    """
    visits: list[Visit] = []
    for passage in sorted(passages, key=lambda one: (one.at, ORDER[one.kind], one.event_id)):
        last = visits[-1] if visits else None
        match passage.kind:
            case Kind.ENTRY if last is None or not _read_twice(last, passage, policy):
                visits.append(Visit(entry=passage, reads=(passage,)))
            case Kind.ENTRY if last is not None:
                opens = last.entry.session_id is None and passage.session_id is not None
                entry = passage if opens else last.entry
                visits[-1] = replace(last, entry=entry, reads=(*last.reads, passage))
            case Kind.EXIT if last is not None and last.is_open:
                visits[-1] = replace(last, exit=passage)
            case Kind.TURN_BACK if last is not None:
                visits[-1] = _turned_back(last, passage, policy)
            case _:
                pass
    return visits


def _read_twice(last: Visit, entry: Passage, policy: Policy) -> bool:
    return last.is_open and entry.at - last.entry.at <= policy.duplicate_entry_within


def _turned_back(last: Visit, turn_back: Passage, policy: Policy) -> Visit:
    """The visit whose last passage is undone, where it was lately and the lane runs that way."""
    way, within = turn_back.direction, policy.turn_back_within
    if last.is_open:
        undone = way is not Direction.EXIT and turn_back.at - last.entry.at <= within
        return replace(last, voided=True) if undone else last
    if last.exit is not None and way is not Direction.ENTRY and turn_back.at - last.exit.at <= within:
        return replace(last, exit=None)
    return last
