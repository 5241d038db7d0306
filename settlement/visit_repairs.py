"""What is to be done so that the books say who was inside from when to when, as it was in fact.

The gates have opened and closed sessions in the order in which passages were reported. Once all are known
(:mod:`parking.visits`), a session may have to be closed that stands open, a bill may end at another exit, and
a visit may have no session at all. Where a person has corrected one of a car's stays, or a repair would have
to undo a closing, nothing is done: a person has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

from parking.session import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parking.ids import SessionId
    from parking.session import Session
    from parking.visits import Passage, Visit

__all__ = ["Repair", "RepairKind", "Stay", "repairs_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A session as it is booked; its ``left_at`` is the exit by the bill in force, ``None`` without one."""

    session: Session
    state: State
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
    """Its session was closed by the exit of another visit."""
    ADMIT = "admit"
    """It was over before its gates knew of it, and has no session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """``stay`` is ``None`` where the visit has none yet."""

    kind: RepairKind
    entry: Passage
    exit: Passage
    stay: Stay | None = None
    seen_out: bool = False
    """Whether the car was seen to leave at the end of the visit before."""


def repairs_of(visits: Sequence[Visit], stays: Mapping[SessionId, Stay]) -> list[Repair] | None:
    """A repair for each visit of one car that is over; ``None`` where a person has to look at the car."""
    if any(stay.corrected for stay in stays.values()) or _billed_for_nothing(visits, stays):
        return None
    repairs: list[Repair] = []
    seen_out = False
    for visit in visits:
        stay = stays.get(visit.entry.session_id) if visit.entry.session_id is not None else None
        if not _can_be(visit, stay):
            return None
        if visit.exit is not None:
            kind = RepairKind.ADMIT if stay is None else _kind_of(stay, visit.exit)
            repair = Repair(kind=kind, entry=visit.entry, exit=visit.exit, stay=stay, seen_out=seen_out)
            repairs.append(repair)
        if not visit.voided:
            seen_out = visit.exit is not None
    return repairs


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


def _kind_of(stay: Stay, left: Passage) -> RepairKind:
    match stay.state:
        case State.INSIDE:
            return RepairKind.CLOSE
        case State.SUPERSEDED:
            return RepairKind.CLOSE_MISSED
        case _:
            return RepairKind.NONE if stay.session.left_at == left.at else RepairKind.RETIME
