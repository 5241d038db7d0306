"""The archive of gate events and sessions, read back to rebuild the live store and to account for events."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from parking.decision import Decision, Reason, Verdict
from parking.event import Candidate, GateEvent, Kind
from parking.ids import EventId, GarageId, LaneId, SessionId
from parking.plate import Colour, Plate
from parking.session import Session
from settlement.books.pool import connection
from settlement.books.session_rows import paid_session_of
from settlement.books.statements import sql
from settlement.rebuild import Archive, ArchivedAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    import asyncpg

__all__ = ["BookArchive", "answer_of"]

PREFETCH = 2_000


class BookArchive(Archive):
    """``prepaid_exit_within`` says by garage how long after paying a car may leave."""

    def __init__(self, pool: asyncpg.Pool, *, prepaid_exit_within: Mapping[GarageId, timedelta]) -> None:
        self._pool = pool
        self._prepaid_exit_within = prepaid_exit_within

    @override
    async def cars_inside(self) -> list[tuple[Session, str]]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("rebuild/inside"))
        return [(self._session(row), row["token_digest"] or "") for row in rows]

    @override
    async def answers_since(self, moment: datetime) -> list[ArchivedAnswer]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("rebuild/answers"), moment)
        return [answer_of(row) for row in rows]

    @override
    async def last_archived(self) -> datetime | None:
        async with connection(self._pool) as held:
            moment: datetime | None = await held.fetchval(sql("rebuild/last_archived"))
        return moment

    async def events(self, since: datetime, until: datetime) -> AsyncIterator[dict[str, Any]]:
        """Archived events captured in a span, oldest first, without plates."""
        async for row in self._exported("export/events", since, until):
            yield row

    async def bills(self, since: datetime, until: datetime) -> AsyncIterator[dict[str, Any]]:
        """Bills and credit notes of stays that began in a span, with their plates."""
        async for row in self._exported("export/bills", since, until):
            yield row

    async def _exported(
        self, statement: str, since: datetime, until: datetime
    ) -> AsyncIterator[dict[str, Any]]:
        async with connection(self._pool) as held, held.transaction(readonly=True):
            async for row in held.cursor(sql(statement), since, until, prefetch=PREFETCH):
                yield dict(row)

    def _session(self, row: asyncpg.Record) -> Session:
        within = self._prepaid_exit_within.get(GarageId(row["garage_id"]), timedelta(0))
        return paid_session_of(row, within)


def answer_of(row: asyncpg.Record) -> ArchivedAnswer:
    """An archived event with its answer."""
    candidates = json.loads(row["candidates"] or "[]")
    return ArchivedAnswer(
        event=GateEvent(
            event_id=EventId(row["event_id"]),
            garage_id=GarageId(row["garage_id"]),
            lane_id=LaneId(row["lane_id"]),
            kind=Kind(row["kind"]),
            captured_at=row["captured_at"],
            plate=Plate(number=row["number"], colour=Colour(row["colour"])),
            confidence=row["confidence"],
            candidates=tuple(Candidate(number=number, confidence=sure) for number, sure in candidates),
            offline=row["offline"],
            token_digest=row["token_digest"] or "",
        ),
        decision=Decision(
            verdict=Verdict(row["verdict"]),
            reason=Reason(row["reason"]),
            amount_fen=row["amount_fen"],
            limit_fen=row["limit_fen"],
        ),
        session_id=SessionId(row["session_id"]) if row["session_id"] else None,
    )
