"""The spool: events that were answered while the live store could not be asked.

An answer given by the outage policy is on this machine's disk before it leaves. When the live store is
back the events are replayed in order, as history: no barrier opens, and event ids make each count once
however often a replay is interrupted.

While an event waits here, the same event gets the same answer, and other events of the same plate join
it, so that a car's entry and exit are never replayed in the wrong order.

A spool that a disk has damaged stops no lane: it is put aside as it is, for a person, and a new one begun.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from itertools import count
from typing import TYPE_CHECKING, Final

import structlog

from gateways.group_commit import DamagedFile, GroupCommit, open_durable
from parking.decision import Decision, Verdict
from parking.errors import Busy, Conflict
from parking.live.codec import answer_from, decision_text, event_from, event_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Iterable
    from datetime import datetime
    from pathlib import Path

    from parking.event import GateEvent
    from parking.ids import EventId, GarageId

__all__ = ["Spool", "Spooled", "open_spool"]

log = structlog.get_logger()
FILES: Final = ("", "-wal", "-shm")
"""SQLite's own names of what belongs to one database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """One event, what the gate was told, and its place in the spool."""

    place: int
    event: GateEvent
    decision: Decision


class Spool:
    """Spooled events of one gate process, on disk and, to answer repeats at once, in memory."""

    def __init__(self, disk: GroupCommit, waiting: Iterable[Spooled], *, events_max: int) -> None:
        self._disk = disk
        self._events_max = events_max
        self._waiting: dict[tuple[GarageId, EventId], Spooled] = {}
        self._plates: Counter[tuple[GarageId, str]] = Counter()
        self._arriving: dict[tuple[GarageId, EventId], asyncio.Event] = {}
        self.added = asyncio.Event()
        for one in waiting:
            self._keep(one)

    def __len__(self) -> int:
        return len(self._waiting)

    def known(self, event: GateEvent) -> Decision | None:
        """What was answered to this event, if it waits here; :class:`Conflict` if its content differs.

        Raises :class:`Busy` where a hold waits and the car was let out by a grant: the hold is booked first.
        """
        one = self.waiting(event)
        if one is None:
            return None
        if one.event.digest() != event.digest():
            raise Conflict("this event_id was used for an event with other content")
        if event.grant_token and not one.event.grant_token and one.decision.verdict is Verdict.HOLD:
            raise Busy("the answer that this event got in the outage is not booked yet")
        return one.decision

    def waiting(self, event: GateEvent) -> Spooled | None:
        """What waits here under the event's id, whatever its content is."""
        return self._waiting.get((event.garage_id, event.event_id))

    def holds_plate(self, event: GateEvent) -> bool:
        """Whether an event of the same plate waits here."""
        return (event.garage_id, event.plate.number) in self._plates

    async def add(self, event: GateEvent, decision: Decision, received_at: datetime) -> Decision | None:
        """Return when the event is on disk; what was answered already, if it came twice at once.

        Raises :class:`Busy` when the spool is full, :class:`Conflict` and it as :meth:`known`.
        """
        key = (event.garage_id, event.event_id)
        while (twin := self._arriving.get(key)) is not None:
            await twin.wait()
        answered = self.known(event)
        if answered is not None:
            return answered
        if len(self._waiting) + len(self._arriving) >= self._events_max:
            raise Busy("the outage spool is full")
        arrived = self._arriving[key] = asyncio.Event()
        try:
            texts = (event_text(event, received_at), decision_text(decision))
            place = await self._disk.submit(partial(_insert, texts))
            self._keep(Spooled(place=place, event=event, decision=decision))
        finally:
            del self._arriving[key]
            arrived.set()
        return None

    def oldest(self, count: int) -> list[Spooled]:
        """The first ``count`` that wait."""
        return [one for _, one in zip(range(count), self._waiting.values(), strict=False)]

    async def drop(self, taken: list[Spooled]) -> None:
        """Let go of what the live store has taken."""
        await self._disk.submit(partial(_delete, [one.place for one in taken]))
        for one in taken:
            del self._waiting[one.event.garage_id, one.event.event_id]
            plate = (one.event.garage_id, one.event.plate.number)
            self._plates[plate] -= 1
            if not self._plates[plate]:
                del self._plates[plate]

    def _keep(self, one: Spooled) -> None:
        key = (one.event.garage_id, one.event.event_id)
        if key not in self._waiting:
            self._plates[one.event.garage_id, one.event.plate.number] += 1
        self._waiting[key] = one
        self.added.set()


@contextlib.asynccontextmanager
async def open_spool(folder: Path, *, events_max: int) -> AsyncIterator[Spool]:
    """The spool in a folder, with what an earlier process left there."""
    async with GroupCommit(partial(_open, folder / "spool.sqlite")) as disk:
        waiting = await disk.submit(_read)
        yield Spool(disk, waiting, events_max=events_max)


@cache
def _sql(name: str) -> str:
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        connection = open_durable(path)
    except DamagedFile as error:
        log.warning("spool_put_aside", error=str(error), file=str(_put_aside(path)))
        connection = open_durable(path)
    connection.execute(_sql("create_spool"))
    return connection


def _put_aside(path: Path) -> Path:
    """Move a damaged file out of the way, to a name that nothing has; that name."""
    aside = next(one for one in (path.with_suffix(f".damaged-{n}") for n in count(1)) if not one.exists())
    for end in reversed(FILES):
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(aside.with_name(aside.name + end))
    return aside


def _read(connection: sqlite3.Connection) -> list[Spooled]:
    return [
        Spooled(place=place, event=event_from(event)[0], decision=answer_from(f"{decision};")[0])
        for place, event, decision in connection.execute(_sql("read_spool"))
    ]


def _insert(texts: tuple[str, str], connection: sqlite3.Connection) -> int:
    (place,) = connection.execute(_sql("add_to_spool"), texts).fetchone()
    return int(place)


def _delete(places: list[int], connection: sqlite3.Connection) -> None:
    connection.executemany(_sql("drop_from_spool"), [(place,) for place in places])
