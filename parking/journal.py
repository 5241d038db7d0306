"""The journal: what the gates did, in order, on its way to the books.

Every acknowledged event leaves exactly one record, written atomically with its effect. Settlement
reads the records of a partition in order, books them, and only then lets them go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from parking.decision import Decision
    from parking.event import GateEvent
    from parking.ids import Partition
    from parking.session import Session, Step

__all__ = [
    "BOOKED_AGAIN",
    "HELD_AFTER_ALL",
    "IN_AFTER_ALL",
    "LEFT_AFTER_ALL",
    "Record",
    "Result",
    "Unreadable",
]

IN_AFTER_ALL: Final = "#in"
LEFT_AFTER_ALL: Final = "#left"
HELD_AFTER_ALL: Final = "#held"
"""How the event ids of records end that overrule the answer to the event."""
BOOKED_AGAIN: Final = "#again"
"""How the event id of a record ends that the books had refused and a person has sent once more."""


@unique
class Result(StrEnum):
    """What became of an acknowledged event."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    """Another report of something already applied, under another id."""
    QUARANTINED = "quarantined"
    """Kept for a person to resolve; it changed no session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One event and what it did.

    ``step`` is what happened to ``session`` (both ``None`` when nothing did); ``superseded`` is the
    session that a second entry displaced, ``resumed`` one that goes on because that entry is taken back.
    ``position`` is the record's place in its partition's stream and is what is acknowledged; ``raw`` is what
    was found there.
    """

    position: str
    partition: Partition
    event: GateEvent
    received_at: datetime
    result: Result
    decision: Decision
    step: Step | None = None
    session: Session | None = None
    superseded: Session | None = None
    resumed: Session | None = None
    raw: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A record that nobody here can read, as it was found; ``detail`` says what is wrong with it."""

    position: str
    partition: Partition
    raw: Mapping[str, str]
    detail: str
