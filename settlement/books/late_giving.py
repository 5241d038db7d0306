"""Closings whose stays were billed before it was known what they are given, in the books."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import override

from parking.ids import AccountId, Partition
from parking.session import Session
from settlement.books.corrections import BilledStay
from settlement.books.pool import connection
from settlement.books.session_rows import session_of
from settlement.books.statements import sql
from settlement.giving import benefits_of
from settlement.late_giving import Closing, LateBooks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import asyncpg

    from parking.benefits import Benefits
    from settlement.books.corrections import Corrections
    from settlement.books.garages import Garages
    from settlement.correction import Correction
    from settlement.giving import BenefitSource

__all__ = ["PostgresLateBooks"]


class PostgresLateBooks(LateBooks):
    """``sources`` are those of the granter; ``corrections`` price by the lists of ``garages``."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        sources: Sequence[BenefitSource],
        corrections: Corrections,
        garages: Garages,
    ) -> None:
        self._pool = pool
        self._sources = sources
        self._corrections = corrections
        self._garages = garages

    @override
    async def waiting(self, limit: int) -> list[Closing]:
        async with connection(self._pool) as held:
            return [_closing(row) for row in await held.fetch(sql("late_giving/waiting"), limit)]

    @override
    async def waiting_count(self) -> int:
        async with connection(self._pool) as held:
            closings: int = await held.fetchval(sql("late_giving/waiting_count"))
        return closings

    @override
    async def benefits(self, sessions: Sequence[Session], now: datetime) -> Sequence[Benefits]:
        return await benefits_of(self._sources, sessions, now)

    @override
    async def correct(self, closing: Closing, correction: Correction, now: datetime) -> Iterable[AccountId]:
        garage_id = closing.session.garage_id
        policy = (await self._garages.one(garage_id)).policy
        stay = BilledStay(
            garage_id=garage_id,
            entered_at=closing.recorded_from,
            session_id=closing.session.session_id,
            exit_within=policy.prepaid_exit_within,
        )
        made = await self._corrections.correct(stay, correction, await self._garages.tariffs(), now)
        return {one for one in (made.was_account_id, made.account_id) if one is not None}

    @override
    async def known(self, closings: Sequence[Closing]) -> None:
        rows = [(one.partition, one.session.session_id, one.session.version) for one in closings]
        if rows:
            async with connection(self._pool) as held:
                await held.execute(sql("late_giving/known"), *map(list, zip(*rows, strict=True)))

    @override
    async def failed(self, closing: Closing, now: datetime) -> None:
        session = closing.session
        async with connection(self._pool) as held:
            await held.execute(
                sql("late_giving/failed"), closing.partition, session.session_id, session.version, now
            )


def _closing(row: asyncpg.Record) -> Closing:
    return Closing(
        partition=Partition(row["partition"]),
        session=replace(session_of(row), left_at=row["left_at"]),
        recorded_from=row["session_entered_at"],
        stands=row["stands"],
    )
