"""What the ledger as a whole comes to, for those who watch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from settlement.books.pool import connection
from settlement.books.statements import sql

if TYPE_CHECKING:
    from settlement.books.pool import Pool

__all__ = ["LedgerTotals"]


class LedgerTotals:
    """Reads the materialised balances; ``verify`` is what checks them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def out_by_fen(self) -> int:
        """All balances together; anything but 0 is a defect."""
        async with connection(self._pool) as held:
            out_by: int = await held.fetchval(sql("ledger/out_by"))
        return out_by
