"""What waits for a person: events, stays, prepayments and answers of rails that no rule could settle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Any, Final

from parking.errors import Conflict, NotFound
from parking.ids import GarageId, partition_of
from settlement.books.pool import connection
from settlement.books.statements import sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

__all__ = ["FIRST_PLACE", "Place", "Resolution", "ReviewItem", "Reviews"]


@unique
class Resolution(StrEnum):
    """How a person settled an item."""

    DISMISS = "dismiss"
    MATCH = "match"
    """The event belongs to a session, which was closed by it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A place in the order of items."""

    opened_at: datetime
    item_id: str


FIRST_PLACE: Final = Place(opened_at=datetime(1970, 1, 1, tzinfo=UTC), item_id="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """``details`` depend on the cause; ``resolution`` and what follows are ``None`` while it is open."""

    item_id: str
    garage_id: GarageId
    cause: str
    details: Mapping[str, Any]
    opened_at: datetime
    resolution: Resolution | None
    resolved_by: str | None
    resolved_at: datetime | None
    note: str | None

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return Place(opened_at=self.opened_at, item_id=self.item_id)


class Reviews:
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count

    async def open_items(
        self, *, garage_id: str | None, cause: str | None, after: Place = FIRST_PLACE, limit: int
    ) -> list[ReviewItem]:
        """The open items behind a place, oldest first."""
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("review/open"), garage_id, cause, after.opened_at, after.item_id, limit
            )
        return [_item(row) for row in rows]

    async def one(self, item_id: str) -> ReviewItem:
        """One item, open or resolved; raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("review/find"), item_id)
        if row is None:
            raise NotFound("there is no such item")
        return _item(row)

    async def resolve(
        self, item: ReviewItem, resolution: Resolution, *, resolved_by: str, note: str | None, now: datetime
    ) -> None:
        """Record how an item was settled, once; raises :class:`Conflict` when it is settled already."""
        async with connection(self._pool) as held:
            done = await held.fetchval(
                sql("review/resolve"),
                partition_of(item.garage_id, self._partition_count),
                item.item_id,
                resolution,
                resolved_by,
                now,
                note,
            )
        if done is None:
            raise Conflict("this item is resolved already")


def _item(row: asyncpg.Record) -> ReviewItem:
    resolution = row["resolution"]
    return ReviewItem(
        item_id=row["item_id"],
        garage_id=GarageId(row["garage_id"]),
        cause=row["cause"],
        details=json.loads(row["details"]),
        opened_at=row["opened_at"],
        resolution=Resolution(resolution) if resolution is not None else None,
        resolved_by=row["resolved_by"],
        resolved_at=row["resolved_at"],
        note=row["note"],
    )
