"""Passes in the books, and who has their places.

A place holds one car at a time by a unique index, not by anybody's care. It is taken when a car is looked at
after its entry, and counts from the moment at which it was free; so what is reported late is covered rightly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from parking.benefits import NO_BENEFITS, Benefits
from parking.errors import Conflict, NotFound
from parking.ids import AccountId, GarageId, SessionId, partition_of
from parking.plate import Colour, Plate
from settlement.books.pool import connection
from settlement.books.session_rows import session_of
from settlement.books.statements import sql
from settlement.giving import BenefitSource
from settlement.passes import Held, Pass, WhenPlaceFrees, covered_by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from parking.session import Session

__all__ = ["Passes", "UsedPass", "passes_of"]

TRIES: Final = 5
MISSED: Final = timedelta(minutes=5)
"""After this a stay that is over in the books, and still has a place, is one whose end nobody was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedPass:
    """A pass, and the stays that have its places now."""

    held: Pass
    session_ids: tuple[SessionId, ...]


class Passes(BenefitSource):
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count
        self._looked_for_missed_at: datetime | None = None

    async def put(self, given: Pass, *, by: str, now: datetime) -> list[str]:
        """Have a pass be so; answers the plate numbers that it has lost.

        Raises :class:`Conflict` when it began at another moment.
        """
        key = (partition_of(given.garage_id, self._partition_count), given.garage_id, given.pass_id)
        async with connection(self._pool) as held, held.transaction():
            row = await held.fetchrow(
                sql("passes/put"),
                *key,
                given.name,
                given.account_id,
                given.places,
                given.when_place_frees,
                given.valid_from,
                given.valid_until,
                by,
                now,
            )
            if row is None:
                raise Conflict("the pass is on record with another beginning")
            lost = await held.fetch(
                sql("passes/put_plates"),
                *key,
                [plate.number for plate in given.plates],
                [plate.colour for plate in given.plates],
            )
        return [one["number"] for one in lost]

    async def list_of(self, garage_id: GarageId) -> list[UsedPass]:
        """The passes of a garage."""
        async with connection(self._pool) as held:
            return [_used(row) for row in await held.fetch(sql("passes/find"), garage_id, None)]

    async def one(self, garage_id: GarageId, pass_id: str) -> UsedPass:
        """One pass; raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("passes/find"), garage_id, pass_id)
        if row is None:
            raise NotFound("there is no such pass")
        return _used(row)

    @override
    async def of(self, sessions: Sequence[Session], now: datetime) -> Sequence[Benefits]:
        async with connection(self._pool) as held:
            return await passes_of(held, sessions)

    @override
    async def ended(self, stays: Sequence[tuple[Session, datetime]], now: datetime) -> Sequence[Session]:
        """Looks for stays that ended unseen too, now and then: that reads every place that is taken."""
        last = self._looked_for_missed_at
        looks = last is None or abs(now - last) >= MISSED
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("passes/let_go"),
                [session.session_id for session, _ in stays],
                [moment for _, moment in stays],
                now - MISSED if looks else None,
            )
        if looks:
            self._looked_for_missed_at = now
        return [session_of(row) for row in rows]


async def passes_of(held: asyncpg.pool.PoolConnectionProxy, sessions: Sequence[Session]) -> list[Benefits]:
    """What the passes of each stay cover; one that may have a place and has none takes one that was free."""
    entitled = await held.fetch(
        sql("passes/candidates"),
        [session.garage_id for session in sessions],
        [session.plate.number for session in sessions],
        [session.plate.colour for session in sessions],
        [session.entered_at for session in sessions],
        [session.session_id for session in sessions],
        [session.left_at for session in sessions],
    )
    for row in entitled:
        if not row["has_place"]:
            await _take_place(held, row)
    rows = await held.fetch(sql("passes/held"), [session.session_id for session in sessions])
    places: dict[SessionId, list[Held]] = {}
    for row in rows:
        places.setdefault(row["session_id"], []).append(_held(row))
    return [
        Benefits(covered=covered_by(places[session.session_id]))
        if session.session_id in places
        else NO_BENEFITS
        for session in sessions
    ]


async def _take_place(held: asyncpg.pool.PoolConnectionProxy, row: asyncpg.Record) -> None:
    """Take the first free place; where somebody else was faster, the next one."""
    for _ in range(TRIES):
        taken = await held.fetchrow(
            sql("passes/take_place"),
            row["partition"],
            row["garage_id"],
            row["pass_id"],
            row["places"],
            row["session_id"],
            row["entered_at"],
            row["left_at"],
            row["when_place_frees"],
        )
        if taken is not None or row["found_none"]:
            return


def _used(row: asyncpg.Record) -> UsedPass:
    plates = zip(row["numbers"], row["colours"], strict=True)
    held = Pass(
        pass_id=row["pass_id"],
        garage_id=GarageId(row["garage_id"]),
        name=row["name"],
        account_id=None if row["account_id"] is None else AccountId(row["account_id"]),
        plates=tuple(Plate(number=number, colour=Colour(colour)) for number, colour in plates),
        places=row["places"],
        when_place_frees=WhenPlaceFrees(row["when_place_frees"]),
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
    )
    return UsedPass(held=held, session_ids=tuple(map(SessionId, row["session_ids"])))


def _held(row: asyncpg.Record) -> Held:
    return Held(
        name=row["name"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        taken_at=row["taken_at"],
        freed_at=row["freed_at"],
    )
