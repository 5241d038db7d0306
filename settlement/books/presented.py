"""Keeps the signed grants that cut-off garages show for exits, with what became of each: proof, afterwards.

The gate has decided already, by the keys that it knew; here the same is found by the keys in the books, and
kept beside the token itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parking.shown_grant import check_shown
from settlement.books.statements import sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from parking.journal import Record

__all__ = ["keep_presented"]


async def keep_presented(
    held: asyncpg.pool.PoolConnectionProxy, records: Sequence[Record], now: datetime
) -> None:
    """Keep those of a batch; repeating it does no harm."""
    shown = [record for record in records if record.event.grant_token]
    if not shown:
        return
    keys = {
        row["key_id"]: row["public_key"]
        for row in await held.fetch(sql("grants/keys"))
        if not row["revoked_at"]
    }
    for record in shown:
        event = record.event
        result, claims = check_shown(event, keys)
        await held.execute(
            sql("grants/present"),
            record.partition,
            event.garage_id,
            event.event_id,
            event.captured_at,
            record.session.session_id if record.session is not None else None,
            event.grant_token,
            result,
            claims.limit_fen if claims is not None else None,
            now,
        )
