"""The ledger's chain in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.sealer import ChainBooks

if TYPE_CHECKING:
    from datetime import datetime

    from settlement.books.pool import Pool

__all__ = ["PostgresChainBooks"]


class PostgresChainBooks(ChainBooks):
    """One chain a partition; a statement seals what all of them have to seal."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @override
    async def unsealed_from(self) -> datetime | None:
        async with connection(self._pool) as held:
            posted_from: datetime | None = await held.fetchval(sql("ledger/unsealed_from"))
        return posted_from

    @override
    async def seal(self, until: datetime, now: datetime) -> int:
        async with connection(self._pool) as held:
            entries: int = await held.fetchval(sql("ledger/seal"), until, now)
        return entries
