"""Exits that ended no session, in the books, and what is found out about them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from parking.ids import partition_of
from settlement.books.archive import answer_of
from settlement.books.pool import connection
from settlement.books.review import Reviews, item_of
from settlement.books.statements import sql
from settlement.closing import closing_event_id
from settlement.matcher import Unmatched, UnmatchedBooks
from settlement.review import NOBODY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    import asyncpg

    from parking.ids import GarageId, SessionId
    from parking.session import Session
    from settlement.rebuild import ArchivedAnswer
    from settlement.review import Resolution, ReviewItem

__all__ = ["PostgresUnmatchedBooks"]


class PostgresUnmatchedBooks(UnmatchedBooks):
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count
        self._reviews = Reviews(pool)

    @override
    async def unmatched(
        self,
        *,
        opened_from: datetime,
        opened_until: datetime,
        again_after: timedelta,
        now: datetime,
        limit: int,
    ) -> list[Unmatched]:
        async with connection(self._pool) as held:
            items = await held.fetch(
                sql("unmatched/items"), opened_from, opened_until, again_after, now, limit
            )
            found = [item_of(row) for row in items]
            answers = await held.fetch(
                sql("unmatched/answers"),
                [item.partition for item in found],
                [row["captured_at"] for row in items],
                [item.garage_id for item in found],
                [item.details["event_id"] for item in found],
                [closing_event_id(item.item_id) for item in found],
            )
        by_event = {(row["garage_id"], row["event_id"]): answer_of(row) for row in answers}
        return [
            Unmatched(
                item=item,
                answer=by_event[item.garage_id, item.details["event_id"]],
                closed_by=by_event.get((item.garage_id, closing_event_id(item.item_id))),
            )
            for item in found
            if (item.garage_id, item.details["event_id"]) in by_event
        ]

    @override
    async def passages(self, garage_id: GarageId, since: datetime, until: datetime) -> list[ArchivedAnswer]:
        partition = partition_of(garage_id, self._partition_count)
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("unmatched/passages"), partition, garage_id, since, until)
        return [answer_of(row) for row in rows]

    @override
    async def entry_permilles(self, sessions: Sequence[Session]) -> dict[SessionId, int]:
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("unmatched/entries"),
                [partition_of(one.garage_id, self._partition_count) for one in sessions],
                [one.entered_at for one in sessions],
                [one.garage_id for one in sessions],
                [one.entry_event_id for one in sessions],
                [one.session_id for one in sessions],
            )
        return {row["session_id"]: row["permille"] for row in rows}

    @override
    async def note_finding(self, item: ReviewItem, finding: Mapping[str, Any], now: datetime) -> None:
        text = json.dumps(finding, ensure_ascii=False)
        async with connection(self._pool) as held:
            await held.execute(sql("unmatched/note"), item.partition, item.item_id, text, now)

    @override
    async def settle(self, item: ReviewItem, resolution: Resolution, *, note: str, now: datetime) -> None:
        await self._reviews.resolve(item, resolution, resolved_by=NOBODY, note=note, now=now)
