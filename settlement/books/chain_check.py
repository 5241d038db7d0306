"""Checks the ledger's chain, piece by piece.

A chain is checked from its first link to its last, partition by partition: some links at a time, as many as a
statement can work out well within its limit. So the size of a ledger is no bound. What is sealed is never
changed, so the pieces need no snapshot in common, and none is held for as long as the whole takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.verify import Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from settlement.books.pool import Pool

__all__ = ["LEDGER_IS_CHAINED", "broken_links"]

LEDGER_IS_CHAINED: Final = "ledger_is_chained"
PIECE_ENTRIES: Final = 200_000
"""About three seconds."""
NAMED_MAX: Final = 100
TIMEOUT_S: Final = 600.0
"""For one piece, which may be an hour of a partition whose links are large."""


async def broken_links(pool: Pool, *, piece_entries: int = PIECE_ENTRIES) -> list[Violation]:
    """The links that do not hold what they held, and what is in none; once a hundred are named, no more."""
    found: list[Violation] = []
    for row in await _read(pool, "verify/chain_partitions"):
        found += await _of_partition(pool, row["partition"], piece_entries)
        if len(found) >= NAMED_MAX:
            break
    return found


async def _of_partition(pool: Pool, partition: int, piece_entries: int) -> list[Violation]:
    found: list[Violation] = []
    after = 0
    while len(found) < NAMED_MAX:
        (piece,) = await _read(pool, "verify/chain_piece", partition, after, piece_entries)
        if piece["link_no"] is None:
            return found + _named(await _read(pool, "verify/chain_open_end", partition))
        found += _named(await _read(pool, "verify/ledger_is_chained", partition, after, piece["link_no"]))
        after = piece["link_no"]
    return found


def _named(rows: Sequence[asyncpg.Record]) -> list[Violation]:
    return [
        Violation(check=LEDGER_IS_CHAINED, item_id=row["item_id"], explanation=row["explanation"])
        for row in rows
    ]


async def _read(pool: Pool, statement: str, *arguments: int) -> Sequence[asyncpg.Record]:
    async with connection(pool) as held, held.transaction(readonly=True):
        await held.execute(sql("verify/take_time"))
        rows: Sequence[asyncpg.Record] = await held.fetch(sql(statement), *arguments, timeout=TIMEOUT_S)
    return rows
