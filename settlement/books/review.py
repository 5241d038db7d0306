"""What waits for a person: events, stays, prepayments and answers of rails that no rule could settle.

An exit on a plate that was not read surely has a bill that nobody is asked to pay. Confirmed, its driver is;
dismissed, the bill is credited. Both happen together with the item's being resolved, or not at all.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from parking.errors import Conflict, NotFound
from parking.ids import AccountId, BillId, GarageId, SessionId
from settlement.books.pool import connection
from settlement.books.posting import take_back
from settlement.books.statements import sql
from settlement.review import FIRST_PLACE, Place, Resolution, ReviewItem
from settlement.rows import UNCHARGED

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

    from parking.ids import Partition

__all__ = ["DISMISSED", "Reviews", "item_of"]

DISMISSED: Final = "dismissed"
"""Why a bill was credited that no person would confirm."""


class Reviews:
    """The list, and what follows when a person settles something on it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def open_items(
        self, *, garage_id: str | None, cause: str | None, after: Place = FIRST_PLACE, limit: int
    ) -> list[ReviewItem]:
        """The open items behind a place, oldest first."""
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("review/open"), garage_id, cause, after.opened_at, after.item_id, limit
            )
        return [item_of(row) for row in rows]

    async def one(self, item_id: str) -> ReviewItem:
        """One item, open or resolved; raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("review/find"), item_id)
        if row is None:
            raise NotFound("there is no such item")
        return item_of(row)

    async def message(self, item: ReviewItem) -> Mapping[str, str] | None:
        """What the journal had of an open item's record, if it was refused and is kept."""
        async with connection(self._pool) as held:
            text = await held.fetchval(sql("review/message"), item.partition, item.item_id)
        return None if text is None else dict(json.loads(text))

    async def resolve(
        self, item: ReviewItem, resolution: Resolution, *, resolved_by: str, note: str | None, now: datetime
    ) -> AccountId | None:
        """Record how an item was settled, once, with what follows for the bill of an unconfirmed exit.

        Returns the account that owes more by it. Raises :class:`Conflict` when the item is settled already,
        or cannot be settled so.
        """
        settled = (resolution, resolved_by, now, note)
        async with connection(self._pool) as held:
            if resolution is Resolution.CONFIRM:
                account_id = await held.fetchval(
                    sql("review/confirm"), item.partition, item.item_id, _bill_id(item), *settled
                )
                if account_id is None:
                    raise Conflict("nobody who has agreed to pay waits to be charged for this")
                return AccountId(account_id)
            async with held.transaction():
                if resolution is Resolution.DISMISS and _bill_id(item) is not None:
                    await take_back(held, _place_of_bill(item), reason=DISMISSED, now=now)
                done = await held.fetchval(sql("review/resolve"), item.partition, item.item_id, *settled)
                if done is None:
                    raise Conflict("this item is resolved already")
        return None


def _bill_id(item: ReviewItem) -> BillId | None:
    """The bill of an unconfirmed exit; other items have none."""
    bill_id = item.details.get("bill_id") if item.cause in UNCHARGED else None
    return None if bill_id is None else BillId(UUID(bill_id))


def _place_of_bill(item: ReviewItem) -> tuple[Partition, datetime, SessionId, BillId]:
    entered_at = datetime.fromisoformat(item.details["entered_at"])
    session_id, bill_id = UUID(item.details["session_id"]), UUID(item.details["bill_id"])
    return item.partition, entered_at, SessionId(session_id), BillId(bill_id)


def item_of(row: asyncpg.Record) -> ReviewItem:
    """An item as it is recorded."""
    resolution = row["resolution"]
    return ReviewItem(
        partition=row["partition"],
        item_id=row["item_id"],
        garage_id=GarageId(row["garage_id"]),
        cause=row["cause"],
        details=json.loads(row["details"]),
        finding=json.loads(row["finding"]) if row["finding"] is not None else None,
        opened_at=row["opened_at"],
        resolution=Resolution(resolution) if resolution is not None else None,
        resolved_by=row["resolved_by"],
        resolved_at=row["resolved_at"],
        note=row["note"],
    )
