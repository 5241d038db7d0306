"""Vouchers in the books: who outside promised to pay for which car inside, and the charges that follow."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from parking.ids import partition_of
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.voucher import CLOCKS_APART

if TYPE_CHECKING:
    from datetime import datetime

    from settlement.books.pool import Pool
    from settlement.voucher import Voucher

__all__ = ["Vouchers"]

REPEATED_WITHIN: Final = timedelta(seconds=60)
"""The same promise again within this is the same one."""


class Vouchers:
    """``partition_count`` is that of the installation, ``collect_delay`` between an exit and its charge."""

    def __init__(self, pool: Pool, *, partition_count: int, collect_delay: timedelta) -> None:
        self._pool = pool
        self._partition_count = partition_count
        self._collect_delay = collect_delay

    async def give(self, number: str, voucher: Voucher) -> bool:
        """Keep a voucher for a plate; ``False`` when it says nothing new, or names no garage of ours."""
        partition = partition_of(voucher.garage_id, self._partition_count)
        async with connection(self._pool) as held:
            given = await held.fetchval(
                sql("vouchers/give"),
                partition,
                voucher.garage_id,
                number,
                voucher.rail,
                voucher.limit_fen,
                voucher.given_at,
                REPEATED_WITHIN,
            )
        return given is not None

    async def assign(self, rail: str, now: datetime) -> int:
        """Have bills that nobody here has to pay collected from who vouched for them; how many."""
        async with connection(self._pool) as held:
            assigned: int = await held.fetchval(
                sql("vouchers/assign"), rail, now, self._collect_delay, CLOCKS_APART
            )
        return assigned
