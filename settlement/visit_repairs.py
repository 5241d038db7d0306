"""What is to be done so that the books say who was inside from when to when, as it was in fact.

The gates have opened and closed sessions in the order in which passages were reported. Once all are known
(:mod:`parking.visits`), a session may have to be closed that stands open, a bill may end at another exit, and
a visit may have no session at all. Where a person has corrected one of a car's stays, or a repair would have
to undo a closing, nothing is done: a person has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import TYPE_CHECKING

from parking.session import State
from settlement.review import item_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from parking.ids import GarageId, SessionId
    from parking.session import Session
    from parking.visits import Passage, Visit

__all__ = [
    "Repair",
    "RepairKind",
    "Settled",
    "Stay",
    "bill_will_begin_late",
    "explained_by",
    "missed_exit_of",
    "repairs_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A session as it is booked; its ``left_at`` is the exit by the bill in force, ``None`` without one.

    ``billed_from`` is the entry by that bill, or that of the session.
    """

    session: Session
    state: State
    billed_from: datetime
    corrections: int = 0
    """Of that bill, by whomever."""
    billed_fen: int = 0
    corrected: bool = False
    """By a person, or settled by one whose exit was missed."""


@unique
class RepairKind(StrEnum):
    """What is to be done about one visit."""

    NONE = "none"
    """It is booked as it was."""
    CLOSE = "close"
    """The car is inside as far as its gates know, and has left."""
    CLOSE_MISSED = "close_missed"
    """It had entered again before its exit was known."""
    RETIME = "retime"
    """Its bill begins at a later read of the entry, or ends at the exit of another visit."""
    ADMIT = "admit"
    """It was over before its gates knew of it, and has no session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """``stay`` is ``None`` where the visit has none; it begins at the first of the ``reads`` of its entry."""

    kind: RepairKind
    entry: Passage
    reads: tuple[Passage, ...]
    exit: Passage
    stay: Stay | None = None
    seen_out: bool = False
    """Whether the car was seen to leave at the end of the visit before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An item that is explained by a session; it may be settled already, or not exist."""

    item_id: str
    session_id: SessionId


def repairs_of(
    visits: Sequence[Visit], stays: Mapping[SessionId, Stay], fee: Callable[[Session, datetime], int]
) -> list[Repair] | None:
    """A repair for each visit of one car that is over; ``None`` where a person has to look at the car.

    ``fee`` says what a stay costs that ends at a moment. A bill that begins at a later read of the entry
    stays where that makes it no cheaper.
    """
    if any(stay.corrected for stay in stays.values()) or _billed_for_nothing(visits, stays):
        return None
    repairs: list[Repair] = []
    seen_out = False
    for visit in visits:
        stay = stays.get(visit.entry.session_id) if visit.entry.session_id is not None else None
        if not _can_be(visit, stay):
            return None
        if visit.exit is not None:
            repair = Repair(
                kind=RepairKind.ADMIT if stay is None else _kind_of(stay, visit.began_at, visit.exit, fee),
                entry=visit.entry,
                reads=visit.reads,
                exit=visit.exit,
                stay=stay,
                seen_out=seen_out,
            )
            repairs.append(repair)
        if not visit.voided:
            seen_out = visit.exit is not None
    return repairs


def explained_by(repair: Repair, garage_id: GarageId, session_id: SessionId) -> list[Settled]:
    """The items that a repair explains, by the session that it is about."""
    items = [item_id_of(garage_id, one.event_id) for one in (*repair.reads, repair.exit)]
    return [*(Settled(item_id=one, session_id=session_id) for one in items), missed_exit_of(session_id)]


def missed_exit_of(session_id: SessionId) -> Settled:
    """The item of a stay whose exit was missed."""
    return Settled(item_id=f"session:{session_id}", session_id=session_id)


def bill_will_begin_late(visits: Sequence[Visit], stays: Mapping[SessionId, Stay]) -> bool:
    """Whether a stay that is still to be billed began at an earlier read of its entry than its session."""
    for visit in visits:
        stay = stays.get(visit.entry.session_id) if visit.entry.session_id is not None else None
        if stay is None or visit.voided or visit.began_at >= stay.billed_from:
            continue
        if stay.state is State.INSIDE or (stay.state is State.SUPERSEDED and visit.exit is not None):
            return True
    return False


def _billed_for_nothing(visits: Sequence[Visit], stays: Mapping[SessionId, Stay]) -> bool:
    """Whether a bill stands for a stay that is none of the visits: with another it would be charged twice."""
    visited = {visit.entry.session_id for visit in visits}
    return any(
        stay.session.left_at is not None and session_id not in visited for session_id, stay in stays.items()
    )


def _can_be(visit: Visit, stay: Stay | None) -> bool:
    """Whether a stay can be made to say what its visit was."""
    if stay is None:
        return True
    if visit.voided or stay.state is State.VOIDED:
        return visit.voided == (stay.state is State.VOIDED)
    if visit.exit is None:
        return stay.state is not State.CLOSED
    return stay.state is not State.CLOSED or stay.session.left_at is not None


def _kind_of(
    stay: Stay, began_at: datetime, left: Passage, fee: Callable[[Session, datetime], int]
) -> RepairKind:
    match stay.state:
        case State.INSIDE:
            return RepairKind.CLOSE
        case State.SUPERSEDED:
            return RepairKind.CLOSE_MISSED
        case _:
            if stay.session.left_at != left.at:
                return RepairKind.RETIME
            begun = replace(stay.session, entered_at=min(began_at, stay.billed_from))
            in_order = begun.entered_at == stay.billed_from or fee(begun, left.at) == stay.billed_fen
            return RepairKind.NONE if in_order else RepairKind.RETIME
