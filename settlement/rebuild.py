"""Rebuilds the live store from the books, after it was lost or emptied.

The cars inside come back with what they paid inside, and lately given answers are remembered again, so
that a repeated event is still known. Grants follow, as for a car that just came in.

What the books cannot know is said: events that were acknowledged but not yet archived when the live store
was lost are known only to the controllers, which send again whatever they are not sure of.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from datetime import datetime, timedelta

    from parking.decision import Decision
    from parking.event import GateEvent
    from parking.ids import SessionId
    from parking.session import Session

__all__ = ["Archive", "ArchivedAnswer", "LiveSessions", "Rebuilt", "rebuild"]


AT_A_TIME: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedAnswer:
    """An event and the answer that its gate was given."""

    event: GateEvent
    decision: Decision
    session_id: SessionId | None


class Archive(Protocol):
    """What the books know."""

    async def cars_inside(self) -> Sequence[tuple[Session, str]]:
        """The sessions of all cars inside, with what they paid, and the digests of their tokens."""
        ...

    async def answers_since(self, moment: datetime) -> Sequence[ArchivedAnswer]:
        """Answers to events received since then."""
        ...

    async def last_archived(self) -> datetime | None:
        """When the youngest archived event was received."""
        ...


class LiveSessions(Protocol):
    """Where it is put back."""

    async def car(self, session: Session, token_digest: str) -> bool:
        """Put one car inside; ``False`` when a car of its number is there."""
        ...

    async def answer(self, event: GateEvent, decision: Decision, session_id: SessionId | None) -> bool:
        """Remember one answer; ``False`` when one is remembered."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What was found in the books, and how much of it was missing in the live store."""

    cars_inside: int
    cars_restored: int
    answers: int
    answers_restored: int
    known_until: datetime | None


async def rebuild(archive: Archive, live: LiveSessions, *, now: datetime, answers_kept: timedelta) -> Rebuilt:
    """Put back what is missing; nothing that is there is changed, so it may run at any time and again."""
    cars = await archive.cars_inside()
    answers = await archive.answers_since(now - answers_kept)
    return Rebuilt(
        cars_inside=len(cars),
        cars_restored=await _count([live.car(session, token_digest) for session, token_digest in cars]),
        answers=len(answers),
        answers_restored=await _count(
            [live.answer(one.event, one.decision, one.session_id) for one in answers]
        ),
        known_until=await archive.last_archived(),
    )


async def _count(acts: Sequence[Coroutine[None, None, bool]]) -> int:
    """Do all, many at a time, and count those that changed something."""
    done = 0
    for start in range(0, len(acts), AT_A_TIME):
        async with asyncio.TaskGroup() as tasks:
            some = [tasks.create_task(act) for act in acts[start : start + AT_A_TIME]]
        done += sum(task.result() for task in some)
    return done
